// Operations of the API for test_other_clients.py. Other files define newClient and isFromTwilio.
package main

import (
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"time"

	"github.com/twilio/twilio-go/client"
	openapi "github.com/twilio/twilio-go/rest/api/v2010"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func refusal(err error) []int {
	var refused *client.TwilioRestError
	if !errors.As(err, &refused) {
		panic(err)
	}
	return []int{refused.Status, refused.Code}
}

func main() {
	number, asked, signature := os.Args[1], os.Args[2], os.Args[3]
	values, err := url.ParseQuery(os.Args[4])
	must(err)
	form := map[string]string{}
	for name := range values {
		form[name] = values.Get(name)
	}
	api := newClient().Api

	ask := openapi.CreateValidationRequestParams{}
	request, err := api.CreateValidationRequest(ask.SetPhoneNumber(number).SetFriendlyName("Front desk"))
	must(err)
	found := []openapi.ApiV2010OutgoingCallerId{}
	for len(found) == 0 {
		time.Sleep(20 * time.Millisecond)
		list := openapi.ListOutgoingCallerIdParams{}
		found, err = api.ListOutgoingCallerId(list.SetPhoneNumber(number))
		must(err)
	}
	sid := *found[0].Sid
	update := openapi.UpdateOutgoingCallerIdParams{}
	updated, err := api.UpdateOutgoingCallerId(sid, update.SetFriendlyName("Back office"))
	must(err)
	must(api.DeleteOutgoingCallerId(sid, nil))
	_, gone := api.FetchOutgoingCallerId(sid, nil)
	message := openapi.CreateMessageParams{}
	_, refused := api.CreateMessage(message.SetTo(number).SetFrom(number).SetBody("Hello"))
	must(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"code":     *request.ValidationCode,
		"name":     *updated.FriendlyName,
		"deleted":  true,
		"refusals": [][]int{refusal(gone), refusal(refused)},
		"genuine":  isFromTwilio(asked, form, signature),
		"altered":  isFromTwilio(asked+"x", form, signature),
	}))
}
