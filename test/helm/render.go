// Renders a chart as `helm template` does, for tests where helm is not at hand: Go's text/template and the sprig functions, which
// are what helm renders with, and the few functions that helm adds. Reads {chart, values, release} as JSON on standard input
// and prints {path: text} as JSON.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"gopkg.in/yaml.v3"
)

type input struct {
	Chart   string
	Values  map[string]interface{}
	Release map[string]interface{}
}

type files struct{ root string }

func (f files) Get(name string) string {
	bytes, err := os.ReadFile(filepath.Join(f.root, name))
	if err != nil {
		return ""
	}
	return string(bytes)
}

func main() {
	var in input
	must(json.NewDecoder(os.Stdin).Decode(&in))
	chart := map[string]interface{}{}
	text, err := os.ReadFile(filepath.Join(in.Chart, "Chart.yaml"))
	must(err)
	must(yaml.Unmarshal(text, &chart))
	meta := map[string]interface{}{}
	for key, value := range chart {
		meta[strings.ToUpper(key[:1])+key[1:]] = value
	}
	root := template.New("chart").Option("missingkey=zero")
	functions := sprig.TxtFuncMap()
	delete(functions, "env")
	delete(functions, "expandenv")
	functions["toYaml"] = toYaml
	functions["toJson"] = func(v interface{}) string { b, err := json.Marshal(v); must(err); return string(b) }
	functions["lookup"] = func(string, string, string, string) map[string]interface{} { return map[string]interface{}{} }
	functions["required"] = func(warning string, v interface{}) (interface{}, error) {
		if v == nil || v == "" {
			return nil, fmt.Errorf(warning)
		}
		return v, nil
	}
	functions["include"] = func(name string, data interface{}) (string, error) {
		var out bytes.Buffer
		err := root.ExecuteTemplate(&out, name, data)
		return out.String(), err
	}
	root.Funcs(functions)
	var names []string
	must(filepath.Walk(filepath.Join(in.Chart, "templates"), func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		name, _ := filepath.Rel(in.Chart, path)
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		names = append(names, name)
		_, err = root.New(name).Parse(string(text))
		return err
	}))
	data := map[string]interface{}{"Values": in.Values, "Release": in.Release, "Chart": meta, "Files": files{in.Chart}}
	rendered := map[string]string{}
	for _, name := range names {
		if strings.HasPrefix(filepath.Base(name), "_") {
			continue
		}
		var out bytes.Buffer
		must(root.ExecuteTemplate(&out, name, data))
		// as helm: what a template did not find prints nothing
		rendered[name] = strings.ReplaceAll(out.String(), "<no value>", "")
	}
	must(json.NewEncoder(os.Stdout).Encode(rendered))
}

func toYaml(v interface{}) string {
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	must(encoder.Encode(v))
	return strings.TrimSuffix(out.String(), "\n")
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
