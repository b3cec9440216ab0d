package lmeval

import (
	"strings"

	"github.com/stagegate/stagegate/plugins/test/document"
	"github.com/stagegate/stagegate/plugins/test/evaluation"
)

// setup is what must be the same for two values of a task to be comparable.
func setup(root document.Value, task string) map[string]string {
	facts := make(map[string]string)
	for name, of := range map[string]string{"task_hash": "task_hashes", "version": "versions", "n-shot": "n-shot"} {
		if all, ok := root.Get(of); ok {
			note(facts, name, all, task)
		}
	}
	for _, name := range []string{"chat_template_sha", "system_instruction_sha", "fewshot_as_multiturn"} {
		note(facts, name, root, name)
	}
	if config, ok := root.Get("config"); ok {
		note(facts, "limit", config, "limit")
	}
	return facts
}

// note keeps a scalar as text. What is null was not set, as what is not there.
func note(facts map[string]string, name string, of document.Value, member string) {
	v, ok := of.Get(member)
	if !ok || v.Kind() == document.Null {
		return
	}
	text, err := v.Plain()
	if err != nil {
		text = string(v.Raw())
	}
	if len(text) > evaluation.MaxName {
		text = text[:evaluation.MaxName]
	}
	facts[name] = strings.ToValidUTF8(text, "")
}

func better(root document.Value, task string) map[string]evaluation.Direction {
	found := make(map[string]evaluation.Direction)
	all, ok := root.Get("higher_is_better")
	if !ok {
		return found
	}
	of, ok := all.Get(task)
	if !ok {
		return found
	}
	for metric, v := range of.Members() {
		switch string(v.Raw()) {
		case "true":
			found[metric] = evaluation.Higher
		case "false":
			found[metric] = evaluation.Lower
		}
	}
	return found
}

func subtasks(root document.Value, group string) []string {
	all, ok := root.Get("group_subtasks")
	if !ok {
		return nil
	}
	of, ok := all.Get(group)
	if !ok {
		return nil
	}
	var names []string
	for _, v := range of.Elements() {
		if name, err := v.Text(); err == nil {
			names = append(names, name)
		}
	}
	return names
}

// samplesOf is how many items of the task were evaluated; 0 when not said.
func samplesOf(root document.Value, task string) int64 {
	all, ok := root.Get("n-samples")
	if !ok {
		return 0
	}
	of, ok := all.Get(task)
	if !ok {
		return 0
	}
	effective, ok := of.Get("effective")
	if !ok {
		return 0
	}
	n, err := effective.Float()
	if err != nil || n < 0 || n > 1e15 {
		return 0
	}
	return int64(n)
}
