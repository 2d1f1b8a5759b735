# Requests a URL with Ruby's Net::HTTP, and prints the status of the response or the error.
require "json"
require "net/http"

url = URI(ARGV.fetch(1))
begin
  answer = Net::HTTP.start(url.host, url.port, use_ssl: url.scheme == "https") do |http|
    request = Net::HTTP::Get.new(url)
    request.basic_auth(ENV.fetch("TWILIO_ACCOUNT_SID"), ENV.fetch("TWILIO_AUTH_TOKEN"))
    http.request(request)
  end
  puts JSON.generate("status" => answer.code.to_i)
rescue StandardError => error
  puts JSON.generate("error" => error.message)
end
