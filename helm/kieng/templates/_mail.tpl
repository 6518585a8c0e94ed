{{- define "kieng.mailEnvironment" -}}
- name: KIENG_SMTP_HOST
  value: {{ .Values.mail.host | quote }}
- name: KIENG_SMTP_PORT
  value: {{ .Values.mail.port | quote }}
- name: KIENG_SMTP_SENDER
  value: {{ .Values.mail.sender }}
- name: KIENG_SMTP_STARTTLS
  value: {{ .Values.mail.startTls | quote }}
{{- if .Values.mail.user }}
- name: KIENG_SMTP_USER
  value: {{ .Values.mail.user }}
- name: KIENG_SMTP_PASSWORD_FILE
  value: /etc/kieng/mail/password
{{- end }}
{{- end -}}
