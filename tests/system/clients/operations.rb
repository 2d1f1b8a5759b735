# Operations of the API for test_other_clients.py. The code before this defines client and from_twilio?.
number, url, signature, encoded = ARGV
form = URI.decode_www_form(encoded).to_h

request = client.api.account.validation_requests.create(phone_number: number, friendly_name: "Front desk")
found = []
found = client.outgoing_caller_ids.list(phone_number: number) while found.empty?
caller_id = client.outgoing_caller_ids(found.first.sid)
name = caller_id.update(friendly_name: "Back office").friendly_name
deleted = caller_id.delete
attempts = [
  -> { caller_id.fetch },
  -> { client.messages.create(to: number, from: number, body: "Hello") }
]
refusals = attempts.map do |attempt|
  attempt.call
rescue Twilio::REST::RestError => e
  [e.status_code, e.code]
end
puts({
  code: request.validation_code,
  name: name,
  deleted: deleted,
  refusals: refusals,
  genuine: from_twilio?(url, form, signature),
  altered: from_twilio?("#{url}x", form, signature)
}.to_json)
