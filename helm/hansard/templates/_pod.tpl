{{/* The pod of a role: dict of root, name and role. */}}
{{- define "hansard.pod" -}}
{{- $root := .root -}}
{{- $role := .role -}}
{{- $values := index $root.Values $role.values -}}
serviceAccountName: {{ include "hansard.serviceAccount" $root }}
automountServiceAccountToken: false
enableServiceLinks: false
# A worker hands its job back within 100 s of SIGTERM.
terminationGracePeriodSeconds: 120
securityContext:
  {{- include "hansard.podSecurity" $root | nindent 2 }}
{{- with $root.Values.images.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if $root.Values.topologySpread.enabled }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: {{ $root.Values.topologySpread.topologyKey }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "hansard.selector" (list $root .name) | nindent 8 }}
{{- end }}
containers:
  - name: hansard
    image: {{ include "hansard.image" (list $root $role.image) | quote }}
    imagePullPolicy: {{ $root.Values.images.pullPolicy }}
    args: {{ toJson $role.args }}
    securityContext:
      {{- include "hansard.containerSecurity" $root | nindent 6 }}
    envFrom:
      - configMapRef: {name: {{ include "hansard.fullname" $root }}}
    env:
      {{- include "hansard.secretEnvironment" (list $root (include "hansard.secret" $root)) | nindent 6 }}
      {{- if $role.models }}
      - {name: HANSARD_DEVICE, value: {{ $role.device }}}
      - {name: HANSARD_THREADS, value: {{ include "hansard.text" $values.threads | quote }}}
      - {name: HANSARD_PLACES, value: {{ include "hansard.text" $values.places | quote }}}
      {{- range $name, $value := $values.settings }}
      - {name: HANSARD_{{ upper $name }}, value: {{ include "hansard.text" $value | quote }}}
      {{- end }}
      - {name: HANSARD_CACHE, value: /models}
      # What is not there is an error, not a download.
      - {name: HANSARD_OFFLINE, value: "1"}
      {{- end }}
    ports:
      - {name: {{ include "hansard.portName" $role }}, containerPort: {{ $role.port }}}
    {{- include "hansard.probes" $role | nindent 4 }}
    resources:
      {{- include "hansard.resources" $values | nindent 6 }}
    volumeMounts:
      - {name: tmp, mountPath: /tmp}
      {{- if and $role.models (eq $root.Values.models.source "claim") }}
      - {name: models, mountPath: /models, readOnly: true}
      {{- end }}
volumes:
  - name: tmp
    emptyDir: {sizeLimit: {{ $values.scratch }}}
  {{- if and $role.models (eq $root.Values.models.source "claim") }}
  - name: models
    persistentVolumeClaim: {claimName: {{ $root.Values.models.claim }}, readOnly: true}
  {{- end }}
{{- end -}}

{{- define "hansard.portName" -}}
{{- if eq (int .port) 8000 -}}http{{- else -}}metrics{{- end -}}
{{- end -}}

{{- define "hansard.probes" -}}
# Loading the models takes its time: five minutes.
startupProbe:
  httpGet: {path: /healthz, port: {{ include "hansard.portName" . }}}
  periodSeconds: 5
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /healthz, port: {{ include "hansard.portName" . }}}
  periodSeconds: 15
  timeoutSeconds: 5
  failureThreshold: 6
{{- if eq (include "hansard.portName" .) "http" }}
# The database alone decides. Redis or S3 would take every pod away at once, for the sake of what needs them.
readinessProbe:
  httpGet: {path: /readyz, port: http}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 3
# Until every node knows that nothing more is to come here.
lifecycle:
  preStop: {sleep: {seconds: 5}}
{{- end }}
{{- end -}}

{{/* Requests and limits, with the GPUs where there are some. */}}
{{- define "hansard.resources" -}}
{{- $resources := deepCopy .resources -}}
{{- with .gpu -}}
{{- $_ := set $resources "limits" (merge (dict .resource (int .count)) ($resources.limits | default dict)) -}}
{{- end -}}
{{- toYaml $resources -}}
{{- end -}}
