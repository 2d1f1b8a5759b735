// Requests a URL with Go's net/http, and prints the status of the response or the error.
package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	request, _ := http.NewRequest("GET", os.Args[2], nil)
	request.SetBasicAuth(os.Getenv("TWILIO_ACCOUNT_SID"), os.Getenv("TWILIO_AUTH_TOKEN"))
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		fmt.Printf("{\"error\": %q}\n", err.Error())
		return
	}
	fmt.Printf("{\"status\": %d}\n", answer.StatusCode)
}
