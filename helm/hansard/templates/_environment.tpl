{{/* The settings that are no secrets, as variables and their values. */}}
{{- define "hansard.settings" -}}
{{- range $name, $value := .Values.settings }}
{{- $text := include "hansard.text" $value }}
{{- if $text }}
HANSARD_{{ upper $name }}: {{ $text | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* What a Secret of the chart's own holds. */}}
{{- define "hansard.secretData" -}}
{{- $secrets := .Values.secrets -}}
{{- range $name := list "database_url" "redis_url" "secret_keys" }}
HANSARD_{{ upper $name }}: {{ required (printf "secrets.%s is needed, or secrets.existingSecret" $name) (index $secrets $name) | quote }}
{{- end }}
{{- range $name := list "s3_access_key" "s3_secret_key" }}
{{- with index $secrets $name }}
HANSARD_{{ upper $name }}: {{ . | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Secrets as environment variables: list of context and the name of the Secret. */}}
{{- define "hansard.secretEnvironment" -}}
{{- $secret := index . 1 -}}
{{- range $name := list "DATABASE_URL" "REDIS_URL" "SECRET_KEYS" }}
- name: HANSARD_{{ $name }}
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: HANSARD_{{ $name }}}}
{{- end }}
{{- range $name := list "S3_ACCESS_KEY" "S3_SECRET_KEY" }}
- name: HANSARD_{{ $name }}
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: HANSARD_{{ $name }}, optional: true}}
{{- end }}
{{- end -}}

{{/* The same fence around every container. */}}
{{- define "hansard.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "hansard.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}
