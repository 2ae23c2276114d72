package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/service"
	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/spf13/cobra"
)

// connectWith connects as a command with these flags does.
func connectWith(t *testing.T, args ...string) (*nats.Conn, error) {
	t.Helper()
	var c connection
	cmd := &cobra.Command{}
	c.addFlags(cmd)
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	if err := cmd.PreRunE(cmd, nil); err != nil {
		return nil, err
	}
	nc, err := c.connect(slog.New(slog.DiscardHandler))
	if err == nil {
		t.Cleanup(nc.Close)
	}
	return nc, err
}

// startNATS starts a server with accounts or TLS, as it would run elsewhere.
func startNATS(t *testing.T, o *server.Options) string {
	t.Helper()
	o.Host, o.Port, o.NoLog, o.NoSigs = "127.0.0.1", server.RANDOM_PORT, true, true
	ns, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	t.Cleanup(func() {
		ns.Shutdown()
		ns.WaitForShutdown()
	})
	if !ns.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server is not ready")
	}
	return ns.ClientURL()
}

func writeFile(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConnectUser(t *testing.T) {
	url := startNATS(t, &server.Options{Username: "ann", Password: "secret"})
	if _, err := connectWith(t, "--nats", url, "--user", "ann", "--password", "secret"); err != nil {
		t.Error(err)
	}
	if _, err := connectWith(t, "--nats", url); err == nil {
		t.Error("connected without a user")
	}
	t.Setenv("NATS_URL", url)
	t.Setenv("NATS_USER", "ann")
	t.Setenv("NATS_PASSWORD", "wrong")
	if _, err := connectWith(t); err == nil || !strings.Contains(err.Error(), "connect to "+url) {
		t.Errorf("connected with a wrong password: %v", err)
	}
	if _, err := connectWith(t, "--password", "secret"); err != nil {
		t.Error("the flag must win over the environment:", err)
	}
	t.Setenv("NATS_PASSWORD", "secret")
	if _, err := connectWith(t); err != nil {
		t.Error(err)
	}
}

func TestConnectNKey(t *testing.T) {
	t.Parallel()
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, _ := user.PublicKey()
	seed, _ := user.Seed()
	url := startNATS(t, &server.Options{Nkeys: []*server.NkeyUser{{Nkey: public}}})
	if _, err := connectWith(t, "--nats", url, "--nkey", writeFile(t, "user.nk", seed)); err != nil {
		t.Error(err)
	}
	missing := filepath.Join(t.TempDir(), "missing.nk")
	if _, err := connectWith(t, "--nats", url, "--nkey", missing); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("got %v, want an error that names the file", err)
	}
}

func TestConnectCredentials(t *testing.T) {
	t.Parallel()
	operator, _ := nkeys.CreateOperator()
	account, _ := nkeys.CreateAccount()
	user, _ := nkeys.CreateUser()
	operatorID, _ := operator.PublicKey()
	accountID, _ := account.PublicKey()
	userID, _ := user.PublicKey()
	seed, _ := user.Seed()

	accountJWT, err := jwt.NewAccountClaims(accountID).Encode(operator)
	if err != nil {
		t.Fatal(err)
	}
	userJWT, err := jwt.NewUserClaims(userID).Encode(account)
	if err != nil {
		t.Fatal(err)
	}
	creds, err := jwt.FormatUserConfig(userJWT, seed)
	if err != nil {
		t.Fatal(err)
	}
	accounts := &server.MemAccResolver{}
	if err := accounts.Store(accountID, accountJWT); err != nil {
		t.Fatal(err)
	}
	url := startNATS(t, &server.Options{TrustedKeys: []string{operatorID}, AccountResolver: accounts})
	if _, err := connectWith(t, "--nats", url, "--creds", writeFile(t, "user.creds", creds)); err != nil {
		t.Error(err)
	}
	if _, err := connectWith(t, "--nats", url); err == nil {
		t.Error("connected without credentials")
	}
}

func TestConnectContext(t *testing.T) {
	url := startNATS(t, &server.Options{Username: "ann", Password: "secret"})
	settings := []byte(`{"url":"` + url + `","user":"ann","password":"secret"}`)
	if _, err := connectWith(t, "--context", writeFile(t, "elsewhere.json", settings)); err != nil {
		t.Error("a file:", err)
	}
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	t.Setenv("NATS_URL", "nats://127.0.0.1:1") // the flag wins
	dir := filepath.Join(home, "nats", "context")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "work.json"), settings, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := connectWith(t, "--context", "work"); err != nil {
		t.Error("a name:", err)
	}
	if _, err := connectWith(t, "--context", "other"); err == nil || !strings.Contains(err.Error(), `"other"`) {
		t.Errorf("got %v, want an error that names the context", err)
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	got := redact("nats://ann:secret@a:4222, nats://b:4222")
	if want := "nats://ann:xxxxx@a:4222,nats://b:4222"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A user who may listen on inboxes of its own alone gets replies there, and a
// service answers callers who do so.
func TestInboxPrefix(t *testing.T) {
	t.Parallel()
	own := &server.User{Username: "own", Password: "secret", Permissions: &server.Permissions{
		Subscribe: &server.SubjectPermission{Allow: []string{"$SRV.>", "ckpt.>", "replies.own.>"}},
	}}
	url := startNATS(t, &server.Options{Users: []*server.User{own}})
	flags := []string{"--nats", url, "--user", "own", "--password", "secret", "--inbox-prefix", "replies.own"}

	nc, err := connectWith(t, flags...)
	if err != nil {
		t.Fatal(err)
	}
	var o serveFlags
	o.prefix = ckpt.DefaultPrefix
	svc, err := service.Start(nc, o.options(t.Context(), nc, slog.New(slog.DiscardHandler))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = svc.Stop(context.Background()) })
	caller, err := connectWith(t, flags...)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New[ckpt.Raw](caller)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Setup(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := connectWith(t, "--nats", url, "--inbox-prefix", "replies.>"); err == nil {
		t.Error("an inbox prefix with a wildcard was taken")
	}
}
