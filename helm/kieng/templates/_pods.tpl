{{/* Parts of pods that services, jobs and the test have in common. */}}

{{- define "kieng.podSecurity" -}}
runAsNonRoot: true
{{- range $key, $number := .Values.podSecurity }}
{{- if $number }}
{{ $key }}: {{ int $number }}
{{- end }}
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "kieng.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Where Kafka, MongoDB, the issuers and the other services are; secrets are files, which no log or `kubectl describe` shows. */}}
{{- define "kieng.environment" -}}
{{- if ne (.component | default "") "portal" }}
- name: KIENG_KAFKA_BOOTSTRAP
  value: {{ .Values.kafka.bootstrapServers | quote }}
- name: KIENG_KAFKA_SECURITY_PROTOCOL
  value: {{ .Values.kafka.security.protocol }}
{{- if hasPrefix "SASL" .Values.kafka.security.protocol }}
- name: KIENG_KAFKA_SASL_MECHANISM
  value: {{ .Values.kafka.security.mechanism }}
- name: KIENG_KAFKA_SASL_USERNAME_FILE
  value: /etc/kieng/kafka/username
- name: KIENG_KAFKA_SASL_PASSWORD_FILE
  value: /etc/kieng/kafka/password
{{- end }}
{{- if .Values.kafka.security.existingCaSecret }}
- name: KIENG_KAFKA_SSL_CAFILE
  value: /etc/kieng/kafka/ca.crt
{{- end }}
{{- if not (hasSuffix "SSL" .Values.kafka.security.protocol) }}
- name: KIENG_KAFKA_PLAIN_TEXT
  value: "true"
{{- end }}
- name: KIENG_MONGO_URI_FILE
  value: /etc/kieng/mongodb/uri
{{- if .Values.mongodb.plainText }}
- name: KIENG_MONGO_PLAIN_TEXT
  value: "true"
{{- end }}
{{- end }}
{{- if .Values.tls.enabled }}
{{- range $name, $file := dict "CERTIFICATE" "tls.crt" "KEY" "tls.key" "AUTHORITY" "ca.crt" }}
- name: KIENG_TLS_{{ $name }}_FILE
  value: /etc/kieng/tls/{{ $file }}
{{- end }}
{{- if .Values.tls.mutual }}
- name: KIENG_TLS_MUTUAL
  value: "true"
{{- end }}
{{- else }}
- name: KIENG_PLAIN_TEXT
  value: "true"
{{- end }}
- name: KIENG_ISSUERS_FILE
  value: /etc/kieng/issuers/issuers.json
- name: KIENG_AUDIENCES
  value: {{ .Values.audiences | quote }}
{{- range $name := list "submissions" "partners" "kpi" "notifications" }}
{{- with include "kieng.address" (dict "root" $ "name" $name) }}
- name: KIENG_{{ upper $name }}_ADDRESS
  value: {{ . }}
{{- end }}
{{- end }}
{{- if .Values.institutions }}
- name: KIENG_INSTITUTIONS
  value: {{ join "," .Values.institutions }}
{{- end }}
- name: KIENG_LOG_FORMAT
  value: {{ .Values.logFormat }}
{{- end -}}

{{- define "kieng.mounts" -}}
- name: tmp
  mountPath: /tmp
- name: connections
  mountPath: /etc/kieng
  readOnly: true
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* One projected volume of what the component needs: secrets of Kafka and MongoDB, issuers, its own key or password. */}}
{{- define "kieng.volumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: {{ .Values.tmpSizeLimit }}
- name: connections
  projected:
    defaultMode: 0440
    sources:
      {{- if ne .component "portal" }}
      - secret:
          name: {{ .Values.mongodb.existingSecret }}
          items:
            - {key: {{ .Values.mongodb.existingSecretKey }}, path: mongodb/uri}
      {{- if .Values.mongodb.existingCaSecret }}
      - secret:
          name: {{ .Values.mongodb.existingCaSecret }}
          items:
            - {key: {{ .Values.mongodb.existingCaSecretKey }}, path: mongodb/ca.crt}
      {{- end }}
      {{- $component := .component }}
      {{- with .Values.kafka.security }}
      {{- if hasPrefix "SASL" .protocol }}
      - secret:
          name: {{ get .serviceSecrets $component | default .existingSecret }}
          items:
            - {key: {{ .existingSecretKeys.username }}, path: kafka/username}
            - {key: {{ .existingSecretKeys.password }}, path: kafka/password}
      {{- end }}
      {{- if .existingCaSecret }}
      - secret:
          name: {{ .existingCaSecret }}
          items:
            - {key: {{ .existingCaSecretKey }}, path: kafka/ca.crt}
      {{- end }}
      {{- end }}
      {{- end }}
      {{- if not (has .component (list "topics" "database")) }}
      {{- if .Values.tls.enabled }}
      - secret:
          name: {{ .Values.tls.existingSecret }}
          items:
            - {key: {{ .Values.tls.existingSecretKeys.certificate }}, path: tls/tls.crt}
            - {key: {{ .Values.tls.existingSecretKeys.key }}, path: tls/tls.key}
            - {key: {{ .Values.tls.existingSecretKeys.authority }}, path: tls/ca.crt}
      {{- end }}
      {{- if .Values.issuers.existingSecret }}
      - secret:
          name: {{ .Values.issuers.existingSecret }}
          items:
            - {key: {{ .Values.issuers.key }}, path: issuers/issuers.json}
      {{- else }}
      - configMap:
          name: {{ include "kieng.issuersConfigMap" . }}
          items:
            - {key: {{ ternary .Values.issuers.key "issuers.json" (ne .Values.issuers.existingConfigMap "") }}, path: issuers/issuers.json}
      {{- end }}
      {{- end }}
      {{- if and (eq .component "query") .Values.editions.existingSecret }}
      - secret:
          name: {{ .Values.editions.existingSecret }}
          items:
            - {key: {{ .Values.editions.existingSecretKey }}, path: editions/key.pem}
      {{- end }}
      {{- if and (eq .component "submissions") .Values.serviceKey.existingSecret }}
      - secret:
          name: {{ .Values.serviceKey.existingSecret }}
          items:
            - {key: {{ .Values.serviceKey.existingSecretKey }}, path: service-key/key.pem}
      {{- end }}
      {{- if eq .component "portal" }}
      - secret:
          name: {{ .Values.portal.existingSecret }}
          items:
            - {key: {{ .Values.portal.existingSecretKey }}, path: portal/session.key}
      {{- with .Values.portal.signIn }}
      {{- if .existingSecret }}
      - secret:
          name: {{ .existingSecret }}
          items:
            - {key: {{ .existingSecretKey }}, path: portal/providers.json}
      {{- end }}
      {{- end }}
      {{- end }}
      {{- if and (eq .component "notifications") .Values.mail.existingSecret }}
      - secret:
          name: {{ .Values.mail.existingSecret }}
          items:
            - {key: {{ .Values.mail.existingSecretKey }}, path: mail/password}
      {{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Requests and limits without what was set to null. */}}
{{- define "kieng.resources" -}}
{{- range $kind, $amounts := . }}
{{- $set := dict }}
{{- range $name, $amount := $amounts }}{{- if not (kindIs "invalid" $amount) }}{{- $_ := set $set $name $amount }}{{- end }}{{- end }}
{{- if $set }}
{{ $kind }}:
  {{- toYaml $set | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* A pod that runs a command of kieng once. Takes root, component, command, extraEnv. */}}
{{- define "kieng.commandPod" -}}
{{- $root := .root -}}
automountServiceAccountToken: false
enableServiceLinks: false
restartPolicy: Never
{{- with $root.Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  {{- include "kieng.podSecurity" $root | nindent 2 }}
{{- with $root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: kieng
    image: {{ include "kieng.image" $root }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    command: {{ toJson .command }}
    env:
      {{- include "kieng.environment" $root | nindent 6 }}
      {{- with .extraEnv }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
      {{- with $root.Values.extraEnv }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    securityContext:
      {{- include "kieng.containerSecurity" $root | nindent 6 }}
    resources:
      {{- include "kieng.resources" $root.Values.jobs.resources | nindent 6 }}
    volumeMounts:
      {{- include "kieng.mounts" $root | nindent 6 }}
volumes:
  {{- include "kieng.volumes" (merge (dict "component" .component) $root) | nindent 2 }}
{{- end -}}
