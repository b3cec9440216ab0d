package sops

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// macOnlyEncrypted begins the MAC of a file whose MAC covers encrypted values
// only, so that it is never that of another.
const macOnlyEncrypted = "\x8a\x3f\xd2\xad\x54\xce\x66\x52\x7b\x10\x34\xf3\xd1\x47\xbe\x0b\x0b\x97\x5b\x3b\xf4\x4f\x72\xc6\xfd\xad\xec\x81\x76\xf2\x7d\x69"

// errMAC says that the file is not as sops has written it.
var errMAC = errors.New("its MAC does not match: somebody has changed it without sops")

// opener decrypts a tree and computes its MAC on the way.
type opener struct {
	meta  *metadata
	block cipher.Block
	mac   hash.Hash
	form  *regexp.Regexp // of an encrypted value
}

// open decrypts all of a tree and verifies the MAC.
func open(tree object, meta *metadata, key []byte) (object, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("use the data key: %w", err)
	}
	o := &opener{meta: meta, block: block, mac: sha512.New(),
		form: regexp.MustCompile(`^ENC\[AES256_GCM,data:([^,]+),iv:([^,]+),tag:([^,]+),type:([a-z]+)\]$`)}
	if meta.macEncrypted {
		o.mac.Write([]byte(macOnlyEncrypted))
	}
	plain, err := o.object(tree, nil)
	if err != nil {
		return nil, err
	}
	recorded, err := o.decrypt(meta.mac, meta.modified)
	if err != nil {
		return nil, errMAC
	}
	want, ok := recorded.(string)
	if !ok || subtle.ConstantTimeCompare([]byte(want), fmt.Appendf(nil, "%X", o.mac.Sum(nil))) != 1 {
		return nil, errMAC
	}
	return plain, nil
}

func (o *opener) object(in object, path []string) (object, error) {
	out := make(object, 0, len(in))
	for _, m := range in {
		v, err := o.value(m.value, append(path[:len(path):len(path)], m.key))
		if err != nil {
			return nil, err
		}
		out = append(out, member{m.key, v})
	}
	return out, nil
}

func (o *opener) value(v any, path []string) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil //nolint:nilnil // null is a value, and never encrypted
	case object:
		return o.object(v, path)
	case []any:
		out := make([]any, 0, len(v))
		for _, item := range v {
			plain, err := o.value(item, path)
			if err != nil {
				return nil, err
			}
			if plain != (comment{}) {
				out = append(out, plain)
			}
		}
		return out, nil
	}
	encrypted := o.meta.encrypted(path)
	if encrypted {
		sealed, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("%s should be encrypted and is not", keyText(path))
		}
		var err error
		if v, err = o.decrypt(sealed, strings.Join(path, ":")+":"); err != nil {
			return nil, fmt.Errorf("%s: %w", keyText(path), err)
		}
	}
	if v != (comment{}) && (encrypted || !o.meta.macEncrypted) {
		o.mac.Write(text(v))
	}
	return v, nil
}

// decrypt opens one value; where it stands in the file is authenticated too.
func (o *opener) decrypt(sealed, place string) (any, error) {
	if sealed == "" {
		return "", nil
	}
	m := o.form.FindStringSubmatch(sealed)
	if m == nil {
		return nil, errors.New("it should be encrypted and is not")
	}
	var parts [3][]byte
	for i := range parts {
		var err error
		if parts[i], err = base64.StdEncoding.DecodeString(m[i+1]); err != nil {
			return nil, errors.New("it is damaged")
		}
	}
	data, iv, tag := parts[0], parts[1], parts[2]
	gcm, err := cipher.NewGCMWithNonceSize(o.block, len(iv))
	if err != nil || len(tag) != gcm.Overhead() {
		return nil, errors.New("it is damaged")
	}
	plain, err := gcm.Open(nil, iv, append(data, tag...), []byte(place))
	if err != nil {
		return nil, errors.New("it was changed or moved, or belongs to another file")
	}
	return typed(string(plain), m[4])
}

// typed reads a value by the type that it was encrypted with.
func typed(plain, kind string) (v any, err error) {
	switch kind {
	case "str", "bytes":
		v = plain
	case "int":
		v, err = strconv.Atoi(plain)
	case "float":
		v, err = strconv.ParseFloat(plain, 64)
	case "bool":
		v, err = strconv.ParseBool(plain)
	case "time":
		v, err = time.Parse(time.RFC3339Nano, plain)
	case "comment":
		v = comment{}
	default:
		return nil, errors.New("it is of a type that is not known")
	}
	if err != nil {
		return nil, fmt.Errorf("it is not of type %s", kind) // the cause would quote the value
	}
	return v, nil
}
