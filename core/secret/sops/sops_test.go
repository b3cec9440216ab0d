package sops_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/stagegate/stagegate/core/secret/sops"
)

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func throwaway(t testing.TB) []age.Identity {
	t.Helper()
	identities, err := age.ParseIdentities(bytes.NewReader(fixture(t, "throwaway.key")))
	if err != nil {
		t.Fatal(err)
	}
	return identities
}

func key(steps string) []string {
	if steps == "" {
		return nil
	}
	return strings.Split(steps, "/")
}

// The files were written by sops itself.
func TestValuesOfRealFiles(t *testing.T) {
	t.Parallel()
	identities := throwaway(t)
	const pem = "-----BEGIN THROWAWAY-----\nMC4CAQAwBQYDK2VwBCIEIHdvbmRlcg\n-----END THROWAWAY-----\n"
	tests := []struct{ file, key, want string }{
		{"values.yaml", "database/user", "app"},
		{"values.yaml", "database/password", "correct-horse-battery"},
		{"values.yaml", "database/port", "5432"},
		{"values.yaml", "database/ratio", "1.5"},
		{"values.yaml", "database/large", "1000000000000000000000"},
		{"values.yaml", "database/tls", "true"},
		{"values.yaml", "database/empty", ""},
		{"values.yaml", "database/since", "2026-01-02T03:04:05Z"},
		{"values.yaml", "database/hosts/0", "db1.example"}, // comments do not count
		{"values.yaml", "database/hosts/1/weight", "7"},
		{"values.yaml", "public_unencrypted", "12.5"},
		{"values.yaml", "pem", pem},
		{"values.yaml", "a:b", "colon"},
		{"regex.yaml", "database/password", "correct-horse-battery"},
		{"regex.yaml", "database/user", "app"},
		{"regex.yaml", "pem", pem},
		{"maconly.yaml", "database/password", "correct-horse-battery"},
		{"values.json", "token", "tr0ub4dor-and-three"},
		{"values.json", "nested/list/1", "zwei-ü-😀"},
		{"values.json", "nested/list/4", "false"},
		{"values.json", "nested/n", "12345678901"},
		{"values.json", "note_unencrypted", "1000"},
		{"binary.sops", "", "binary-correct-horse\nsecond line\n"},
	}
	for _, tt := range tests {
		t.Run(tt.file+" "+tt.key, func(t *testing.T) {
			t.Parallel()
			got, err := sops.Value(fixture(t, tt.file), key(tt.key), identities)
			if err != nil || string(got) != tt.want {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	identities := throwaway(t)
	stranger, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	replace := func(file, old, with string) []byte {
		content := string(fixture(t, file))
		if !strings.Contains(content, old) {
			t.Fatalf("%s does not hold %q", file, old)
		}
		return []byte(strings.Replace(content, old, with, 1))
	}
	sealed := regexp.MustCompile(`ENC\[[^]]*type:str\]`)
	values := string(fixture(t, "values.yaml"))
	two := sealed.FindAllString(values, 2)
	swapped := strings.NewReplacer(two[0], two[1], two[1], two[0]).Replace(values)
	tests := map[string]struct {
		file        []byte
		key         string
		want        string
		unsupported bool
	}{
		"clear value changed":    {file: replace("values.yaml", "public_unencrypted: 12.5", "public_unencrypted: 13"), key: "a:b", want: "MAC"},
		"value added":            {file: append([]byte("more_unencrypted: 1\n"), values...), key: "a:b", want: "MAC"},
		"value removed":          {file: []byte(regexp.MustCompile(`(?m)^pem:.*\n`).ReplaceAllString(values, "")), key: "a:b", want: "MAC"},
		"time changed":           {file: replace("values.yaml", `lastmodified: "2026`, `lastmodified: "2025`), key: "a:b", want: "MAC"},
		"values swapped":         {file: []byte(swapped), key: "a:b", want: "changed or moved"},
		"value in clear":         {file: replace("values.yaml", two[0], "canary"), key: "a:b", want: "not"},
		"number in clear":        {file: []byte(regexp.MustCompile(`port: .*`).ReplaceAllString(values, "port: 31337")), key: "a:b", want: "should be encrypted"},
		"not base64":             {file: replace("values.yaml", "user: ENC[AES256_GCM,data:", "user: ENC[AES256_GCM,data:!"), key: "a:b", want: "damaged"},
		"no such key":            {file: []byte(values), key: "database/passwort", want: `no ["database"]["passwort"]`},
		"below a value":          {file: []byte(values), key: "database/user/x", want: "no "},
		"an index out of range":  {file: []byte(values), key: "database/hosts/9", want: "no "},
		"a mapping":              {file: []byte(values), key: "database", want: "not one value"},
		"null":                   {file: []byte(values), key: "database/nothing", want: "is null"},
		"no key":                 {file: []byte(values), want: "say which with key"},
		"the metadata":           {file: []byte(values), key: "sops/mac", want: "no "},
		"key groups":             {file: fixture(t, "groups.json"), key: "token", want: "key groups", unsupported: true},
		"rule by comments":       {file: fixture(t, "comments.yaml"), key: "pem", want: "comments", unsupported: true},
		"only for a KMS":         {file: []byte("a: b\nsops:\n  kms: [{arn: x}]\n  mac: x\n  lastmodified: \"2026-11-25T19:21:48Z\"\n"), key: "a", want: "kms", unsupported: true},
		"several documents":      {file: append([]byte(values), "---\na: b\n"...), key: "a:b", want: "several", unsupported: true},
		"dotenv":                 {file: fixture(t, "values.env"), key: "A", want: "not a file that sops"},
		"not encrypted":          {file: []byte("a: canary\n"), key: "a", want: "no member \"sops\""},
		"not YAML":               {file: []byte("a: [canary\n"), key: "a", want: "neither valid YAML nor JSON"},
		"an alias":               {file: []byte("a: &x canary\nb: *x\nsops: {mac: a}\n"), key: "a", want: "alias"},
		"a key twice":            {file: []byte(`{"a": "canary", "a": 2, "sops": {}}`), key: "a", want: "twice"},
		"nested without end":     {file: []byte(strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000)), key: "a", want: "deeper"},
		"nested lists, in YAML":  {file: []byte("a: " + strings.Repeat("[", 2000) + strings.Repeat("]", 2000)), key: "a", want: "deeper"},
		"huge":                   {file: make([]byte, sops.MaxFile+1), key: "a", want: "more than"},
		"a number as large as 1": {file: []byte(`{"a": 1e999, "sops": {}}`), key: "a", want: "too large"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := sops.Value(tt.file, key(tt.key), identities)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %q, %v, want %q", got, err, tt.want)
			}
			if _, ok := errors.AsType[*sops.UnsupportedError](err); ok != tt.unsupported {
				t.Errorf("unsupported is %t: %v", ok, err)
			}
			for _, value := range []string{"canary", "correct-horse", "31337"} {
				if strings.Contains(err.Error(), value) {
					t.Errorf("the error holds a value: %v", err)
				}
			}
		})
	}
	if _, err := sops.Value([]byte(values), key("a:b"), []age.Identity{stranger}); err == nil || !strings.Contains(err.Error(), "recipients") {
		t.Errorf("a stranger: %v", err)
	}
}

// FuzzValue checks that no file brings the reader down, and that none gives a
// value but one whose MAC matches.
func FuzzValue(f *testing.F) {
	for _, name := range []string{"values.yaml", "values.json", "binary.sops", "maconly.yaml", "groups.json", "values.env"} {
		f.Add(fixture(f, name))
	}
	identities := throwaway(f)
	genuine := map[string]bool{"app": true, "tr0ub4dor-and-three": true, "binary-correct-horse\nsecond line\n": true}
	f.Fuzz(func(t *testing.T, file []byte) {
		for _, k := range []string{"database/user", "token", ""} {
			if got, err := sops.Value(file, key(k), identities); err == nil && !genuine[string(got)] {
				t.Errorf("a forged value: %q", got)
			}
		}
	})
}
