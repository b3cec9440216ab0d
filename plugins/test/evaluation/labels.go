package evaluation

import "github.com/stagegate/stagegate/plugins/test/document"

// Labels are the texts by which an item is grouped, read from its row by the
// paths that the configuration names.
func Labels(row document.Value, paths []string) ([]string, error) {
	texts := make([]string, len(paths))
	for i, path := range paths {
		found, ok := row.Find(path)
		if !ok {
			return nil, row.Missing(path)
		}
		text, err := found.Plain()
		if err != nil {
			return nil, err
		}
		texts[i] = text
	}
	return texts, nil
}
