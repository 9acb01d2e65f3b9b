{{/*
What each Deployment is. `values` is its key in the values; `args` what `hansard` is called with; `pool` the part of the
work that KEDA counts for it; `internet` whether it talks to addresses that tenants name; `models` whether it runs them.
*/}}
{{- define "hansard.roles" -}}
api:
  values: api
  image: api
  args: [serve, api, --host, 0.0.0.0, --port, "8000"]
  port: 8000
dispatcher:
  values: dispatcher
  image: api
  args: [serve, dispatcher, --metrics-port, "9090"]
  port: 9090
ingest:
  values: ingest
  image: workerCpu
  args: {{ include "hansard.worker" (list "ingest" .Values.ingest.concurrency) }}
  port: 9090
  pool: ingest
  internet: true
process-cpu:
  values: processCpu
  image: workerCpu
  args: {{ include "hansard.worker" (list "process" .Values.processCpu.concurrency) }}
  port: 9090
  pool: process
  models: true
  device: cpu
process-gpu:
  values: processGpu
  image: workerCuda
  args: {{ include "hansard.worker" (list "process" .Values.processGpu.concurrency) }}
  port: 9090
  pool: process
  models: true
  device: cuda
webhooks:
  values: webhooks
  image: api
  args: {{ include "hansard.worker" (list "webhooks" .Values.webhooks.concurrency) }}
  port: 9090
  pool: webhooks
  internet: true
{{- end -}}

{{/* How a worker is started: list of its queue and how many jobs at once. */}}
{{- define "hansard.worker" -}}
{{- list "serve" "worker" (index . 0) "--concurrency" (include "hansard.text" (index . 1)) "--metrics-port" "9090" | toJson -}}
{{- end -}}
