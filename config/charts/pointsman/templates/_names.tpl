{{- define "pointsman.name" -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}-epp
{{- end -}}

{{/*
Name of what is not in a namespace.
*/}}
{{- define "pointsman.clusterName" -}}
{{ printf "%s-%s" .Release.Namespace (include "pointsman.name" .) }}
{{- end -}}

{{/*
Service account of whoever reads metrics: not the picker's, so that its token opens nothing else.
*/}}
{{- define "pointsman.readerName" -}}
{{ include "pointsman.name" . }}-metrics-reader
{{- end -}}

{{- define "pointsman.selectorLabels" -}}
app.kubernetes.io/name: pointsman
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "pointsman.labels" -}}
{{ include "pointsman.selectorLabels" . }}
app.kubernetes.io/component: endpoint-picker
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}
