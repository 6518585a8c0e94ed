{{/* Prefix of every name: the release, and the chart unless the release is called like it. */}}
{{- define "kieng.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What selectors select by: never changes, because selectors cannot. Takes root and component. */}}
{{- define "kieng.selector" -}}
app.kubernetes.io/name: {{ .root.Values.nameOverride | default .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* Labels of every object. Takes root and component. */}}
{{- define "kieng.labels" -}}
{{ include "kieng.selector" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: kieng
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{- define "kieng.image" -}}
{{- $image := .Values.image.repository -}}
{{- with .Values.global.imageRegistry }}{{- $image = printf "%s/%s" (trimSuffix "/" .) $image -}}{{- end -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $image .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- define "kieng.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (ternary (include "kieng.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{- define "kieng.issuersConfigMap" -}}
{{- .Values.issuers.existingConfigMap | default (printf "%s-issuers" (include "kieng.fullname" .)) -}}
{{- end -}}

{{/* The services: what the runner calls them, whether they answer calls, and what they read from Kafka. */}}
{{- define "kieng.services" -}}
partners:
  process: partners
  address: partners
submissions:
  process: submissions
  address: submissions
aggregator:
  process: kpi.aggregator
  group: kieng.kpi
  topic: kieng.submissions.v1
query:
  process: kpi.query
  address: kpi
notifications:
  process: notifications
  address: notifications
  group: kieng.notifications
  topic: kieng.submissions.v1
exporter:
  process: exporter
portal:
  process: portal
  web: true
{{- end -}}

{{/* gRPC address of a service: of this release when it runs it, else as given. Takes root, and name as in `addresses`. */}}
{{- define "kieng.address" -}}
{{- $found := index .root.Values.addresses .name -}}
{{- range $key, $service := include "kieng.services" .root | fromYaml -}}
{{- if and (eq ($service.address | default "") $.name) (index $.root.Values.services $key).enabled -}}
{{- $found = printf "%s-%s:50051" (include "kieng.fullname" $.root) $key -}}
{{- end -}}
{{- end -}}
{{- $found -}}
{{- end -}}

{{/* Whether objects of a kind of other people may be made. Takes root and api. */}}
{{- define "kieng.knows" -}}
{{- if or .root.Values.metrics.assumeCustomResources (.root.Capabilities.APIVersions.Has .api) -}}yes{{- end -}}
{{- end -}}
