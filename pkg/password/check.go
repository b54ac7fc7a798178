package password

import "errors"

// Check tells whether a stored hash can be verified, at the cost of reading it.
func Check(hash string) error {
	switch {
	case hash == "":
		return errors.New("the stored hash is empty")
	case isBcrypt(hash):
		return checkBcryptForm(hash)
	}
	_, err := parse(hash)
	return err
}
