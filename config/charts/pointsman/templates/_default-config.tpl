{{/*
The EndpointPickerConfig used unless the user brings one: the picker's built-in scorers and weights. Takes the context.
*/}}
{{- define "pointsman.defaultConfig" -}}
{{- $vllmGrpc := and (eq .pool.modelServerType "vllm") (eq .pool.modelServerProtocol "grpc") -}}
{{- $parsers := compact (append (.picker.parsers | default list) .pool.parser) | uniq -}}
{{- if $vllmGrpc }}{{ $parsers = list "vllmgrpc-parser" }}{{ end -}}
{{- if and (not $parsers) (eq .pool.modelServerType "triton") }}{{ $parsers = list "passthrough-parser" }}{{ end -}}
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: queue-scorer
- type: kv-cache-utilization-scorer
- type: prefix-cache-scorer
- type: metrics-data-source
  parameters:
    scheme: {{ .picker.metricsDataSource.scheme | quote }}
    path: {{ .picker.metricsDataSource.path | quote }}
    insecureSkipVerify: {{ .picker.metricsDataSource.insecureSkipVerify }}
- type: core-metrics-extractor
{{- if ne .pool.modelServerType "vllm" }}
  parameters:
    defaultEngine: {{ .pool.modelServerType | quote }}
{{- end }}
{{- range $parsers }}
- type: {{ . }}
{{- end }}
schedulingProfiles:
- name: default
  plugins:
  - pluginRef: queue-scorer
    weight: 2
  - pluginRef: kv-cache-utilization-scorer
    weight: 2
  - pluginRef: prefix-cache-scorer
    weight: 3
{{- with $parsers }}
requestHandler:
  parsers:
  {{- range . }}
  - pluginRef: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}
