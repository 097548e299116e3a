// Prints session cookies as oauth2-proxy makes them after a login, by its own packages: `session COUNT SECRET`, one
// value a line, each of another user.
//
// A session has no tokens in it, as with `session_cookie_minimal`: the cheapest kind to read.
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	"github.com/oauth2-proxy/oauth2-proxy/v7/pkg/apis/sessions"
	"github.com/oauth2-proxy/oauth2-proxy/v7/pkg/encryption"
)

const (
	cookieName = "_oauth2_proxy"
	lifetime   = 24 * time.Hour
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: session COUNT SECRET")
	}
	count, err := strconv.Atoi(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if err := write(count, os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

// write prints the cookies' values.
func write(count int, secret string) error {
	cipher, err := encryption.NewCFBCipher(encryption.SecretBytes(secret))
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	// Whole seconds make each session equally long.
	now := time.Now().Truncate(time.Second)
	for number := range count {
		value, err := cookie(number, now, cipher, secret)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, value); err != nil {
			return err
		}
	}
	return out.Flush()
}

// cookie returns one user's.
func cookie(number int, now time.Time, cipher encryption.Cipher, secret string) (string, error) {
	name := fmt.Sprintf("user-%07d", number)
	expires := now.Add(lifetime)
	session := sessions.SessionState{
		CreatedAt: &now, ExpiresOn: &expires, Email: name + "@example.com", User: name,
	}
	encoded, err := session.EncodeSessionState(cipher, true)
	if err != nil {
		return "", err
	}
	return encryption.SignedValue(secret, cookieName, encoded, now)
}
