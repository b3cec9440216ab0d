package secret_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"io"
	"os"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
	"github.com/stagegate/stagegate/core/secret"
	"golang.org/x/crypto/ssh"
)

func sealed(t *testing.T, armored bool, text string, to ...age.Recipient) string {
	t.Helper()
	var out bytes.Buffer
	var under io.Writer = &out
	closing := func() error { return nil }
	if armored {
		a := armor.NewWriter(&out)
		under, closing = a, a.Close
	}
	w, err := age.Encrypt(under, to...)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(w, text)
	for _, err := range []error{err, w.Close(), closing()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

func sshKey(t *testing.T, passphrase string) (string, age.Recipient) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	recipient, err := agessh.NewEd25519Recipient(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block)), recipient
}

func TestAge(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	x, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	pass, err := age.NewScryptRecipient("canary")
	if err != nil {
		t.Fatal(err)
	}
	pass.SetWorkFactor(10)
	sshPrivate, sshRecipient := sshKey(t, "")
	locked, _ := sshKey(t, "canary")
	keys := p.file(t, "keys", "# public key: …\n\n"+stranger.String()+"\n"+x.String()+"\r\n", 0o600)
	pq := p.file(t, "pq", hybrid.String()+"\n", 0o400)
	file := func(name string, armored bool, text string, to ...age.Recipient) string {
		return p.file(t, name, sealed(t, armored, text, to...), 0o644)
	}
	good := file("good.age", false, "from age\n", x.Recipient())
	damaged := sealed(t, false, "canary-value", x.Recipient())
	from := func(file, identities string) secret.Source {
		return secret.Source{Age: &secret.Age{File: file, IdentityFile: identities}}
	}
	resolveAll(t, map[string]outcome{
		"binary":            {from: from(good, keys), want: "from age"},
		"armored":           {from: from(file("armored", true, "from age", x.Recipient(), sshRecipient), keys), want: "from age"},
		"post-quantum":      {from: from(file("pq.age", true, "from age", hybrid.Recipient()), pq), want: "from age"},
		"ssh":               {from: from(file("ssh.age", true, "from age", sshRecipient), p.file(t, "ssh", sshPrivate, 0o600)), want: "from age"},
		"largest":           {from: from(file("largest", false, strings.Repeat("x", 64<<10)+"\n", x.Recipient()), keys), want: strings.Repeat("x", 64<<10)},
		"too large":         {from: from(file("large", false, strings.Repeat("x", 64<<10+1), x.Recipient()), keys), err: "more than 65536"},
		"a bomb":            {from: from(file("bomb", false, strings.Repeat("x", 1<<20), x.Recipient()), keys), err: "more than"},
		"for somebody else": {from: from(file("other", true, "canary", stranger.Recipient()), pq), err: "for none of the identities"},
		"passphrase":        {from: from(file("pass", true, "canary", pass), keys), err: "passphrase"},
		"not age":           {from: from(p.file(t, "clear", "canary", 0o600), keys), err: "not encrypted with age"},
		"cut":               {from: from(p.file(t, "cut", damaged[:len(damaged)-5], 0o600), keys), err: "damaged"},
		"changed":           {from: from(p.file(t, "changed", damaged[:len(damaged)-1]+"\x00", 0o600), keys), err: "damaged"},
		"replaceable":       {from: from(p.file(t, "loose", "canary", 0o666), keys), err: "chmod go-w"},
		"missing":           {from: from(p.path("nowhere"), keys), err: "does not exist"},
		"open identity":     {from: from(good, p.file(t, "open", x.String(), 0o640)), err: "chmod 600"},
		"missing identity":  {from: from(good, p.path("nowhere")), err: "does not exist"},
		"empty identity":    {from: from(good, p.file(t, "none", "# nothing\n", 0o600)), err: "holds no identity"},
		"damaged identity":  {from: from(good, p.file(t, "bad", "# x\nAGE-SECRET-KEY-1CANARY\n", 0o600)), err: "line 2"},
		"a public key":      {from: from(good, p.file(t, "public", x.Recipient().String(), 0o600)), err: "line 1"},
		"plugin":            {from: from(good, p.file(t, "plugin", "AGE-PLUGIN-YUBIKEY-1CANARY\n", 0o600)), err: "plugin of age"},
		"locked identity":   {from: from(good, p.file(t, "locked", sealed(t, true, "canary", pass), 0o600)), err: "encrypted itself"},
		"locked ssh key":    {from: from(good, p.file(t, "lockedssh", locked, 0o600)), err: "has a passphrase"},
		"damaged ssh key":   {from: from(good, p.file(t, "badssh", "-----BEGIN OPENSSH PRIVATE KEY-----\nCANARY\n", 0o600)), err: "not an SSH key"},
	}, noEnv)
}

func TestSops(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	fixture := func(name string, mode os.FileMode) string {
		content, err := os.ReadFile("sops/testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return p.file(t, name, string(content), mode)
	}
	keys := fixture("throwaway.key", 0o600)
	values := fixture("values.yaml", 0o644)
	from := func(file string, key ...string) secret.Source {
		return secret.Source{Sops: &secret.Sops{File: file, Key: key, IdentityFile: keys}}
	}
	resolveAll(t, map[string]outcome{
		"yaml":          {from: from(values, "database", "password"), want: "correct-horse-battery"},
		"binary":        {from: from(fixture("binary.sops", 0o600)), want: "binary-correct-horse\nsecond line"},
		"lines":         {from: from(values, "pem"), want: "-----BEGIN THROWAWAY-----\nMC4CAQAwBQYDK2VwBCIEIHdvbmRlcg\n-----END THROWAWAY-----"},
		"empty":         {from: from(values, "database", "empty"), err: "empty"},
		"no such key":   {from: from(values, "database", "passwort"), err: `has no ["database"]["passwort"]`},
		"not for us":    {from: from(fixture("groups.json", 0o600), "token"), err: `use command = ["sops", "decrypt"`},
		"in clear":      {from: from(p.file(t, "clear.yaml", "token: canary\n", 0o600), "token"), err: "not a file that sops has encrypted"},
		"not yaml":      {from: from(p.file(t, "bad.yaml", "token: [canary\n", 0o600), "token"), err: "neither valid YAML nor JSON"},
		"not json":      {from: from(p.file(t, "bad.json", `{"token": "canary`, 0o600), "token"), err: "neither valid YAML nor JSON"},
		"replaceable":   {from: from(p.file(t, "loose.yaml", "a: canary", 0o620), "a"), err: "chmod go-w"},
		"missing":       {from: from(p.path("nowhere"), "a"), err: "does not exist"},
		"open identity": {from: secret.Source{Sops: &secret.Sops{File: values, Key: []string{"pem"}, IdentityFile: p.file(t, "open", "canary", 0o644)}}, err: "chmod 600"},
	}, noEnv)
}
