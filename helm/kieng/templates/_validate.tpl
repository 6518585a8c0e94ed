{{/* What no schema can say: mistakes between several values, all of them at once, each with its remedy. */}}
{{- define "kieng.validate" -}}
{{- $mistakes := list -}}
{{- $v := .Values -}}
{{- $services := include "kieng.services" . | fromYaml -}}

{{- if not $v.kafka.bootstrapServers -}}
{{- $mistakes = append $mistakes "kafka.bootstrapServers is empty: name your brokers, e.g. kafka-1:9092,kafka-2:9092 (the chart brings no Kafka)" -}}
{{- end -}}
{{- if not $v.mongodb.existingSecret -}}
{{- $mistakes = append $mistakes "mongodb.existingSecret is empty: name a Secret whose key `uri` holds the URI of your replica set (the chart brings no MongoDB)" -}}
{{- end -}}
{{- if and $v.mongodb.existingCaSecret $v.mongodb.plainText -}}
{{- $mistakes = append $mistakes "mongodb.existingCaSecret is given, but mongodb.plainText is true: leave one of the two out" -}}
{{- end -}}
{{- if eq $v.image.tag "latest" -}}
{{- $mistakes = append $mistakes "image.tag latest: nobody knows what runs then, and a rollback brings nothing back; name a version or image.digest" -}}
{{- end -}}
{{- if and (hasPrefix "SASL" $v.kafka.security.protocol) (not $v.kafka.security.existingSecret) -}}
{{- $mistakes = append $mistakes (printf "kafka.security.protocol %s needs kafka.security.existingSecret, a Secret with user and password" $v.kafka.security.protocol) -}}
{{- end -}}
{{- if and (not (hasPrefix "SASL" $v.kafka.security.protocol)) $v.kafka.security.existingSecret -}}
{{- $mistakes = append $mistakes (printf "kafka.security.existingSecret is given, but kafka.security.protocol %s sends no password: choose SASL_SSL, or leave the Secret out" $v.kafka.security.protocol) -}}
{{- end -}}
{{- if and $v.kafka.security.existingCaSecret (not (hasSuffix "SSL" $v.kafka.security.protocol)) -}}
{{- $mistakes = append $mistakes (printf "kafka.security.existingCaSecret is given, but kafka.security.protocol %s has no TLS: choose SASL_SSL or SSL" $v.kafka.security.protocol) -}}
{{- end -}}

{{- if and $v.tls.enabled (not $v.tls.existingSecret) -}}
{{- $mistakes = append $mistakes "tls.existingSecret is empty: name a Secret with tls.crt, tls.key and ca.crt for gRPC, or set tls.enabled: false if something in front encrypts, e.g. a mesh" -}}
{{- end -}}
{{- if and (not $v.tls.enabled) (or $v.tls.existingSecret $v.tls.mutual) -}}
{{- $mistakes = append $mistakes "tls.existingSecret or tls.mutual is given, but tls.enabled is false: leave them out, or set it to true" -}}
{{- end -}}

{{- $tables := compact (list $v.issuers.existingConfigMap $v.issuers.existingSecret (ternary "table" "" (gt (len $v.issuers.table) 0))) -}}
{{- if ne (len $tables) 1 -}}
{{- $mistakes = append $mistakes (printf "issuers: exactly one of existingConfigMap, existingSecret and table, but %d are given; without issuers nobody can call" (len $tables)) -}}
{{- end -}}

{{- if and $v.services.submissions.enabled (not $v.institutions) -}}
{{- $mistakes = append $mistakes "institutions is empty: list the ids of those whose submissions this release holds, e.g. [vnu, hust], or set services.submissions.enabled: false" -}}
{{- end -}}
{{- if and $v.services.submissions.enabled (not (include "kieng.address" (dict "root" . "name" "partners"))) -}}
{{- $mistakes = append $mistakes "services.partners is not enabled, but submissions asks it for units: set addresses.partners to where another release runs it" -}}
{{- end -}}
{{- range $name := list "submissions" "partners" "kpi" "notifications" -}}
{{- range $key, $facts := $services -}}
{{- if and (eq ($facts.address | default "") $name) (index $v.services $key).enabled (index $v.addresses $name) -}}
{{- $mistakes = append $mistakes (printf "addresses.%s is given, but this release runs services.%s itself: leave out one of the two" $name $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $v.mail.user (not $v.mail.existingSecret) -}}
{{- $mistakes = append $mistakes "mail.user needs mail.existingSecret, a Secret with the password" -}}
{{- end -}}

{{- if and $v.portal.ingress.enabled (not (and $v.portal.ingress.host $v.portal.ingress.tlsSecret)) -}}
{{- $mistakes = append $mistakes "portal.ingress needs host and tlsSecret: its cookies go by HTTPS only" -}}
{{- end -}}

{{- if and $v.portal.signIn.existingSecret (not (or $v.portal.signIn.publicUrl $v.portal.ingress.host)) -}}
{{- $mistakes = append $mistakes "portal.signIn needs publicUrl, or portal.ingress.host: providers send browsers back to it" -}}
{{- end -}}

{{- range $name, $facts := $services -}}
{{- $service := index $v.services $name -}}
{{- $scaling := $service.autoscaling | default dict -}}
{{- $type := $scaling.type | default "none" -}}
{{- $least := $scaling.minReplicas | default 1 | int -}}
{{- $most := $scaling.maxReplicas | default $least | int -}}
{{- if and (ne $type "none") (not $scaling.maxReplicas) -}}
{{- $mistakes = append $mistakes (printf "services.%s.autoscaling.type %s needs maxReplicas" $name $type) -}}
{{- end -}}
{{- if lt $most $least -}}
{{- $mistakes = append $mistakes (printf "services.%s.autoscaling.maxReplicas %d is less than minReplicas %d" $name $most $least) -}}
{{- end -}}
{{- if and (eq $type "keda") (not $facts.group) -}}
{{- $mistakes = append $mistakes (printf "services.%s.autoscaling.type keda scales by lag, and %s consumes nothing: choose hpa" $name $name) -}}
{{- end -}}
{{- if and (eq $type "hpa") (not (dig "requests" "cpu" "" $service.resources)) -}}
{{- $mistakes = append $mistakes (printf "services.%s.autoscaling.type hpa measures against resources.requests.cpu, which is not set" $name) -}}
{{- end -}}
{{- if and (eq $name "exporter") (or (gt (int $service.replicas) 1) (ne $type "none")) -}}
{{- $mistakes = append $mistakes "services.exporter runs once: two would tell every figure twice" -}}
{{- end -}}
{{- if and $facts.web $service.enabled (not $v.portal.existingSecret) -}}
{{- $mistakes = append $mistakes "services.portal needs portal.existingSecret, a Secret with the key of its session cookies" -}}
{{- end -}}
{{- if $facts.group -}}
{{- $partitions := int $v.kafka.partitions -}}
{{- if and (eq $type "none") (gt (int $service.replicas) $partitions) -}}
{{- $mistakes = append $mistakes (printf "services.%s.replicas %d is more than kafka.partitions %d: a consumer without a partition does nothing" $name (int $service.replicas) $partitions) -}}
{{- end -}}
{{- if and (ne $type "none") (gt $most $partitions) -}}
{{- $mistakes = append $mistakes (printf "services.%s.autoscaling.maxReplicas %d is more than kafka.partitions %d: a consumer without a partition does nothing" $name $most $partitions) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- if $mistakes -}}
{{- fail (printf "\n\nThe values are wrong:\n  - %s\n" (join "\n  - " $mistakes)) -}}
{{- end -}}
{{- end -}}
