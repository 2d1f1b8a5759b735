import com.twilio.exception.ApiException;
import com.twilio.rest.api.v2010.account.Message;
import com.twilio.rest.api.v2010.account.OutgoingCallerId;
import com.twilio.rest.api.v2010.account.ValidationRequest;
import com.twilio.type.PhoneNumber;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;

/** Operations of the API for test_other_clients.py. Other files in this folder define Ringback and Callbacks. */
public class Application {
    private static String refusal(Runnable attempt) {
        try {
            attempt.run();
            return "null";
        } catch (ApiException refused) {
            return "[" + refused.getStatusCode() + "," + refused.getCode() + "]";
        }
    }

    private static Map<String, String> form(String encoded) {
        Map<String, String> form = new HashMap<>();
        for (String pair : encoded.split("&")) {
            String[] parts = pair.split("=", 2);
            form.put(URLDecoder.decode(parts[0], StandardCharsets.UTF_8), URLDecoder.decode(parts[1], StandardCharsets.UTF_8));
        }
        return form;
    }

    public static void main(String[] arguments) throws Exception {
        String url = arguments[1], signature = arguments[2];
        PhoneNumber number = new PhoneNumber(arguments[0]);
        Ringback.use();

        ValidationRequest request = ValidationRequest.creator(number).setFriendlyName("Front desk").create();
        Iterator<OutgoingCallerId> found;
        do {
            Thread.sleep(20);
            found = OutgoingCallerId.reader().setPhoneNumber(number).read().iterator();
        } while (!found.hasNext());
        String sid = found.next().getSid();
        String name = OutgoingCallerId.updater(sid).setFriendlyName("Back office").update().getFriendlyName();
        boolean deleted = OutgoingCallerId.deleter(sid).delete();
        String gone = refusal(() -> OutgoingCallerId.fetcher(sid).fetch());
        String refused = refusal(() -> Message.creator(number, number, "Hello").create());
        System.out.printf(
            "{\"code\": \"%s\", \"name\": \"%s\", \"deleted\": %s, \"refusals\": [%s, %s], \"genuine\": %s, \"altered\": %s}",
            request.getValidationCode(), name, deleted, gone, refused,
            Callbacks.areFromTwilio(url, form(arguments[3]), signature),
            Callbacks.areFromTwilio(url + "x", form(arguments[3]), signature));
    }
}
