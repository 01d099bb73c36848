{{/*
Everything the templates read, in one shape: the values under their older upstream names, with `router` and
`httpRoute` of the llm-d router chart laid over them, and what follows from them:
  flags           the picker's flags, all as text
  leaderElection  whether only one replica is Ready at a time
  secure          whether the picker's port speaks TLS
*/}}
{{- define "pointsman.context" -}}
{{- $v := deepCopy .Values -}}
{{- $router := $v.router | default dict -}}
{{- $pool := mergeOverwrite $v.inferencePool (include "pointsman.routerPool" $router | fromYaml) -}}
{{- $picker := mergeOverwrite $v.inferenceExtension (include "pointsman.routerPicker" $router | fromYaml) -}}
{{- $route := $v.experimentalHttpRoute -}}
{{- with $v.httpRoute -}}
{{- $route = mergeOverwrite $route (omit . "create") (dict "enabled" .create) -}}
{{- end -}}
{{- with $pool.targetPortNumber -}}
{{- $_ := set $pool "targetPorts" (list (dict "number" .)) -}}
{{- end -}}
{{- $c := dict "pool" $pool "picker" $picker "route" $route "provider" $v.provider -}}
{{- $_ := set $c "objectives" ($router.inferenceObjectives | default $v.inferenceObjectives) -}}
{{- $_ := set $c "clusterDomain" ($router.clusterDomain | default $v.clusterDomain) -}}
{{- $_ := set $c "flags" (include "pointsman.flags" (dict "c" $c "release" .Release) | fromYaml) -}}
{{- $_ := set $c "leaderElection" (eq (get $c.flags "ha-enable-leader-election") "true") -}}
{{- $_ := set $c "secure" (ne (get $c.flags "secure-serving") "false") -}}
{{- include "pointsman.check" $c -}}
{{- toYaml $c -}}
{{- end -}}

{{- define "pointsman.routerPool" -}}
{{- $servers := .modelServers | default dict -}}
{{- $pool := pick (.inferencePool | default dict) "create" -}}
{{- $pool = merge $pool (pick $servers "targetPorts" "targetPortNumber") -}}
{{- if hasKey $servers "matchLabels" }}{{ $_ := set $pool "modelServers" (pick $servers "matchLabels") }}{{ end -}}
{{- if hasKey $servers "type" }}{{ $_ := set $pool "modelServerType" $servers.type }}{{ end -}}
{{- if hasKey $servers "protocol" }}{{ $_ := set $pool "modelServerProtocol" $servers.protocol }}{{ end -}}
{{- toYaml $pool -}}
{{- end -}}

{{- define "pointsman.routerPicker" -}}
{{- $picker := mergeOverwrite (.epp | default dict) (pick . "monitoring" "tracing" "extraServicePorts") -}}
{{- toYaml (mergeOverwrite $picker (pick (.inferencePool | default dict) "failureMode")) -}}
{{- end -}}

{{/*
The picker's flags: what the chart knows, then what the user says. The namespace it has from $NAMESPACE.
*/}}
{{- define "pointsman.flags" -}}
{{- $pool := .c.pool -}}
{{- $picker := .c.picker -}}
{{- $flags := dict "config-file" (printf "/config/%s" $picker.pluginsConfigFile) -}}
{{- if $pool.create -}}
{{- $_ := set $flags "pool-name" .release.Name -}}
{{- $_ := set $flags "pool-group" "inference.networking.k8s.io" -}}
{{- else -}}
{{- $selector := list -}}
{{- range $key, $value := $pool.modelServers.matchLabels }}{{ $selector = append $selector (printf "%s=%s" $key $value) }}{{ end -}}
{{- $ports := list -}}
{{- range $pool.targetPorts }}{{ $ports = append $ports (.number | int | toString) }}{{ end -}}
{{- $_ := set $flags "endpoint-selector" (join "," $selector) -}}
{{- $_ := set $flags "endpoint-target-ports" (join "," $ports) -}}
{{- end -}}
{{- $_ := set $flags "grpc-port" $picker.extProcPort -}}
{{- $_ := set $flags "grpc-health-port" $picker.grpcHealthPort -}}
{{- $_ := set $flags "metrics-port" $picker.metricsPort -}}
{{- $_ := set $flags "drain-timeout" "30s" -}}
{{- $_ := set $flags "ha-enable-leader-election" (gt ($picker.replicas | int) 1) -}}
{{- $_ := set $flags "metrics-endpoint-auth" $picker.monitoring.prometheus.auth.enabled -}}
{{- $_ := set $flags "tracing" $picker.tracing.enabled -}}
{{- if $picker.tls.secretName -}}
{{- $_ := set $flags "cert-path" "/certs" -}}
{{- $_ := set $flags "enable-cert-reload" true -}}
{{- end -}}
{{- if hasKey $picker.flags "config-text" }}{{ $flags = omit $flags "config-file" }}{{ end -}}
{{- range $name, $value := mergeOverwrite $flags $picker.flags }}
{{ $name }}: {{ include "pointsman.text" $value | quote }}
{{- end -}}
{{- end -}}

{{/*
A value as the command line wants it; plain printing makes 1e+07 of large numbers.
*/}}
{{- define "pointsman.text" -}}
{{- if kindIs "float64" . }}{{ int64 . }}{{ else }}{{ . }}{{ end -}}
{{- end -}}
