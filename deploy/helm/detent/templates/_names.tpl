{{- define "detent.labels" -}}
app.kubernetes.io/name: detent
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "detent.selector" -}}
app.kubernetes.io/name: detent
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
