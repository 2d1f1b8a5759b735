<?php
// Operations of the API for test_other_clients.py. The code before this defines $client and isFromTwilio.
[, $number, $url, $signature] = $argv;
parse_str($argv[4], $form);

$request = $client->validationRequests->create($number, ["friendlyName" => "Front desk"]);
do {
    usleep(20000);
    $found = $client->outgoingCallerIds->read(["phoneNumber" => $number]);
} while (!$found);
$callerId = $client->outgoingCallerIds($found[0]->sid);
$refusals = [];
$name = $callerId->update(["friendlyName" => "Back office"])->friendlyName;
$deleted = $callerId->delete();
foreach ([
    fn() => $callerId->fetch(),
    fn() => $client->messages->create($number, ["from" => $number, "body" => "Hello"]),
] as $attempt) {
    try {
        $attempt();
    } catch (Twilio\Exceptions\RestException $error) {
        $refusals[] = [$error->getStatusCode(), $error->getCode()];
    }
}
echo json_encode([
    "code" => $request->validationCode,
    "name" => $name,
    "deleted" => $deleted,
    "refusals" => $refusals,
    "genuine" => isFromTwilio($url, $form, $signature),
    "altered" => isFromTwilio("{$url}x", $form, $signature),
]);
