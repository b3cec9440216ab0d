package delivery

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"

	"github.com/stagegate/stagegate/core/notify"
)

// maxSlack is well below what Slack shortens, in bytes.
const maxSlack = 8 << 10

// slackText is what incoming webhooks of Slack, Mattermost and Rocket.Chat take.
type slackText struct {
	Text    string `json:"text"`
	Channel string `json:"channel,omitempty"`
}

// slack sends the message as text.
func (c *Courier) slack(ctx context.Context, s *notify.Slack, l *notify.Letter) error {
	address, err := c.at(ctx, s.Address)
	if err != nil {
		return err
	}
	text := "*" + escapeSlack(l.Message.Summary) + "*\n```\n" + strings.ReplaceAll(escapeSlack(l.Message.Text()), "```", "'''") + "```"
	if len(text) > maxSlack {
		text = strings.ToValidUTF8(text[:maxSlack], "") + "…\n```"
	}
	body, err := json.Marshal(slackText{Text: text, Channel: cmp.Or(l.Channel, s.Channel)})
	if err != nil {
		return final("encode the message: %w", err)
	}
	return c.post(ctx, request{address: address, caFile: s.CAFile, body: body})
}

// escapeSlack keeps a text from calling people, linking and formatting: Slack
// reads <…> as links and mentions, and nothing else has to be escaped.
func escapeSlack(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}
