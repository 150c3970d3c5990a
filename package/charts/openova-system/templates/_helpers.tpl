{{- define "openova-system.labels" -}}
app.kubernetes.io/name: openova-system
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* A value as it came through `set`, which reads digits as a number: a line of text without the blanks around it. */}}
{{- define "openova-system.line" -}}
{{- . | toString | trim -}}
{{- end }}

{{/* The fields of a service account's key, which lie at the top level of the values, as the document they came from. */}}
{{- define "openova-system.json" -}}
{{- $fields := list "type" "project_id" "private_key_id" "private_key" "client_email" "client_id" "auth_uri" "token_uri" "auth_provider_x509_cert_url" "client_x509_cert_url" "universe_domain" -}}
{{- $document := dict -}}
{{- range $field := $fields -}}
{{- with get $.Values $field -}}
{{- $_ := set $document $field . -}}
{{- end -}}
{{- end -}}
{{- $_ := required "the key of the service account has no private_key" $document.private_key -}}
{{- $document | toJson -}}
{{- end }}
