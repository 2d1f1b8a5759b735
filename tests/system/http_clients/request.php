<?php
// Requests a URL with PHP's cURL or with its streams, and prints the status of the response or the error.
[, $client, $url] = $argv;
$credentials = getenv("TWILIO_ACCOUNT_SID") . ":" . getenv("TWILIO_AUTH_TOKEN");
if ($client === "curl") {
    $curl = curl_init($url);
    curl_setopt_array($curl, [CURLOPT_RETURNTRANSFER => true, CURLOPT_USERPWD => $credentials]);
    curl_exec($curl);
    $status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
    $error = curl_error($curl);
} else {
    $header = "Authorization: Basic " . base64_encode($credentials);
    $proxy = $client === "streams with a proxy" ? ["proxy" => str_replace("http", "tcp", getenv("HTTPS_PROXY"))] : [];
    $context = stream_context_create(["http" => ["header" => $header, "ignore_errors" => true] + $proxy]);
    $body = @file_get_contents($url, false, $context);
    $status = $body === false ? 0 : (int) explode(" ", $http_response_header[0])[1];
    $error = error_get_last()["message"] ?? "";
}
echo json_encode($status ? ["status" => $status] : ["error" => $error]), "\n";
