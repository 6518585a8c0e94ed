{{/* The rules as this release needs them. It misses only services that it runs, and only in its own namespace: another release
of the same Prometheus has the same services. */}}
{{- define "kieng.rules" -}}
{{- $absent := list -}}
{{- range $key, $service := include "kieng.services" . | fromYaml -}}
{{- if not (index $.Values.services $key).enabled -}}
{{- $absent = append $absent $service.process -}}
{{- end -}}
{{- end -}}
{{- $text := .Files.Get "files/prometheus-rules.yaml" | replace "https://kieng.example/docs/" .Values.metrics.prometheusRule.docsUrl -}}
{{- $groups := list -}}
{{- range $group := (fromYaml $text).groups -}}
{{- $rules := list -}}
{{- range $rule := $group.rules -}}
{{- $terms := list -}}
{{- range $term := splitList "\nor " $rule.expr -}}
{{- $named := regexFind `^absent\(\w+\{service="[^"]+` $term | splitList "\"" -}}
{{- if not (has (last $named | default (dig "labels" "service" "" $rule)) $absent) -}}
{{- $terms = append $terms (regexReplaceAll `^absent\((\w+)\{` $term (printf "absent(${1}{namespace=%q, " $.Release.Namespace) | replace ", }" "}") -}}
{{- end -}}
{{- end -}}
{{- if $terms -}}
{{- $rules = append $rules (set $rule "expr" (join "\nor " $terms)) -}}
{{- end -}}
{{- end -}}
{{- $groups = append $groups (set $group "rules" $rules) -}}
{{- end -}}
{{- toYaml $groups -}}
{{- end -}}
