{{/* The beginning of all names; short enough for "-worker" and a worker's number behind it. */}}
{{- define "loadlab.fullname" -}}
{{- .Values.loadlab.fullname | default .Release.Name | trunc 50 | trimSuffix "-" | trimSuffix "." -}}
{{- end -}}

{{- define "loadlab.serviceAccountName" -}}
{{- with .Values.loadlab.serviceAccount -}}
{{- if .name -}}{{ .name }}{{- else if .create -}}{{ include "loadlab.fullname" $ }}{{- else -}}default{{- end -}}
{{- end -}}
{{- end -}}

{{/* What finds the pods of one component. Takes a dict of root and component. */}}
{{- define "loadlab.selectorLabels" -}}
app.kubernetes.io/name: loadlab
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
component: {{ .component }}
{{- end -}}

{{/* Labels of every object. Takes a dict of root and, for what belongs to one, component. */}}
{{- define "loadlab.labels" -}}
{{- $labels := dict
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63)
  "app.kubernetes.io/name" "loadlab"
  "app.kubernetes.io/instance" .root.Release.Name
  "app.kubernetes.io/managed-by" .root.Release.Service
  "app.kubernetes.io/version" (.root.Chart.AppVersion | replace "+" "_") -}}
{{- with .component -}}
{{- $_ := set $labels "component" . -}}
{{- $_ := set $labels "app.kubernetes.io/component" . -}}
{{- end -}}
{{- toYaml (merge $labels (deepCopy .root.Values.extraLabels)) -}}
{{- end -}}

{{/* Annotations of every object. Takes a dict of root and, optionally, more. */}}
{{- define "loadlab.annotations" -}}
{{- $annotations := deepCopy (.more | default dict) -}}
{{- $annotations = merge $annotations (deepCopy .root.Values.loadlab.annotations) -}}
{{- if $annotations -}}
{{- toYaml $annotations -}}
{{- end -}}
{{- end -}}

{{/* The metadata of an object. Takes a dict of root, name and, optionally, component and annotations. */}}
{{- define "loadlab.metadata" -}}
name: {{ .name }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "loadlab.labels" . | nindent 2 }}
{{- with include "loadlab.annotations" (dict "root" .root "more" .annotations) }}
annotations:
  {{- . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* A value of an environment variable as a text: large whole numbers stay whole. */}}
{{- define "loadlab.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) -}}{{ int64 . }}{{- else -}}{{ . }}{{- end -}}
{{- end -}}

{{- define "loadlab.image" -}}
{{ .Values.image.repository }}:{{ include "loadlab.text" .Values.image.tag }}
{{- end -}}
