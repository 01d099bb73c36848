{{/*
What the schema cannot see. Takes the context.
*/}}
{{- define "pointsman.check" -}}
{{- $picker := .picker -}}
{{- if not .pool.modelServers.matchLabels -}}
{{- fail "inferencePool.modelServers.matchLabels is empty: name the labels of the model servers' pods" -}}
{{- end -}}
{{- $files := prepend (keys $picker.pluginsCustomConfig | sortAlpha) "default-plugins.yaml" -}}
{{- if not (has $picker.pluginsConfigFile $files) -}}
{{- fail (printf "inferenceExtension.pluginsConfigFile is %q, but there are only: %s" $picker.pluginsConfigFile (join ", " $files)) -}}
{{- end -}}
{{- if and $picker.tls.secretName (not .secure) -}}
{{- fail "inferenceExtension.tls.secretName is set, but flags secure-serving: false serves cleartext: choose one" -}}
{{- end -}}
{{- if not .pool.create -}}
{{- if .objectives }}{{ fail "inferenceObjectives need a pool, but inferencePool.create is false" }}{{ end -}}
{{- if .route.enabled }}{{ fail "an HTTPRoute needs a pool, but inferencePool.create is false" }}{{ end -}}
{{- end -}}
{{- $drain := include "pointsman.seconds" (get .flags "drain-timeout") | int -}}
{{- $grace := $picker.terminationGracePeriodSeconds | int -}}
{{- if lt $grace (add $drain 10 | int) -}}
{{- fail (printf "inferenceExtension.terminationGracePeriodSeconds is %d, but the picker serves %d s after SIGTERM (--drain-timeout) and then ends its streams: give it %d or more" $grace $drain (add $drain 10)) -}}
{{- end -}}
{{- end -}}

{{/*
A Go duration in whole seconds, rounded up.
*/}}
{{- define "pointsman.seconds" -}}
{{- $units := dict "h" 3600.0 "m" 60.0 "s" 1.0 "ms" 0.001 -}}
{{- $sum := 0.0 -}}
{{- range regexFindAll "[0-9.]+[a-z]+" . -1 -}}
{{- $sum = addf $sum (mulf (regexFind "^[0-9.]+" . | float64) (get $units (regexFind "[a-z]+$" .))) -}}
{{- end -}}
{{- ceil $sum | int -}}
{{- end -}}
