import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Base64;

/** Requests a URL with one of Java's HTTP clients, and prints the status of the response or the error. */
public class Request {
    public static void main(String[] arguments) {
        String credentials = System.getenv("TWILIO_ACCOUNT_SID") + ":" + System.getenv("TWILIO_AUTH_TOKEN");
        String header = "Basic " + Base64.getEncoder().encodeToString(credentials.getBytes());
        URI url = URI.create(arguments[1]);
        try {
            System.out.println("{\"status\": " + ask(arguments[0], url, header) + "}");
        } catch (Exception error) {
            System.out.println("{\"error\": \"" + error.toString().replaceAll("[\"\\\\\n]", " ") + "\"}");
        }
    }

    static int ask(String client, URI url, String header) throws Exception {
        if (client.equals("HttpURLConnection")) {
            HttpURLConnection connection = (HttpURLConnection) url.toURL().openConnection();
            connection.setRequestProperty("Authorization", header);
            return connection.getResponseCode();
        }
        HttpRequest request = HttpRequest.newBuilder(url).header("Authorization", header).build();
        return HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.discarding()).statusCode();
    }
}
