{{/* The environment of a container. Takes a dict of root and component. */}}
{{- define "loadlab.environment" -}}
{{- $loadtest := .root.Values.loadtest -}}
{{- $plain := dict
  "HOME" "/tmp"
  "LOCUST_EXIT_CODE_ON_ERROR" "0"
  "PYTHONDONTWRITEBYTECODE" "1"
  "PYTHONUNBUFFERED" "1" -}}
{{- $component := index .root.Values .component -}}
{{- range $source := list $loadtest.environment $component.environment -}}
{{- range $name, $value := $source -}}
{{- $_ := set $plain $name (include "loadlab.text" $value) -}}
{{- end -}}
{{- end -}}
{{- if $loadtest.pip_packages -}}
{{- $_ := set $plain "PYTHONPATH" (compact (list (get $plain "PYTHONPATH") "/tmp/packages") | join ":") -}}
{{- end -}}
{{- $references := dict -}}
{{- if eq .component "worker" -}}
{{- $_ := set $references "LOADLAB_AGENT_WORKER" (dict "fieldRef" (dict "apiVersion" "v1" "fieldPath" "metadata.name")) -}}
{{- end -}}
{{- range $name, $_ := $plain -}}
{{- $_ := unset $references $name -}}
{{- end -}}
{{- range $secret, $keys := $loadtest.environment_external_secret -}}
{{- range $key := (kindIs "slice" $keys | ternary $keys (list $keys)) -}}
{{- $_ := unset $plain $key -}}
{{- $_ := set $references $key (dict "secretKeyRef" (dict "name" $secret "key" $key)) -}}
{{- end -}}
{{- end -}}
{{- range .root.Values.loadlab.extraEnv -}}
{{- $_ := unset $plain .name -}}
{{- $_ := unset $references .name -}}
{{- end -}}
env:
{{- range $name, $value := $plain }}
  - name: {{ $name }}
    value: {{ $value | quote }}
{{- end }}
{{- range $name, $value := $references }}
  - name: {{ $name }}
    valueFrom:
      {{- toYaml $value | nindent 6 }}
{{- end }}
{{- with .root.Values.loadlab.extraEnv }}
  {{- toYaml . | nindent 2 }}
{{- end }}
envFrom:
  - secretRef:
      name: {{ include "loadlab.fullname" .root }}-env
{{- range $loadtest.environment_load_from_secrets }}
  - secretRef:
      name: {{ . }}
{{- end }}
{{- end -}}

{{/* What both components tell Locust. */}}
{{- define "loadlab.arguments" -}}
{{- with .Values.loadtest -}}
- -f
- {{ printf "%s/%s" (trimSuffix "/" .locust_locustfile_path) .locust_locustfile | quote }}
{{- with .locust_host }}
- --host
- {{ . | quote }}
{{- end }}
{{- with .tags }}
- --tags
{{- range splitList " " . | compact }}
- {{ . | quote }}
{{- end }}
{{- end }}
{{- with .excludeTags }}
- --exclude-tags
{{- range splitList " " . | compact }}
- {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "loadlab.volumeMounts" -}}
{{- $loadtest := .Values.loadtest -}}
- name: tmp
  mountPath: /tmp
{{- if $loadtest.locust_locustfile_configmap }}
- name: locustfile
  mountPath: {{ $loadtest.locust_locustfile_path }}
  readOnly: true
{{- end }}
{{- if $loadtest.locust_lib_configmap }}
- name: lib
  mountPath: {{ trimSuffix "/" $loadtest.locust_locustfile_path }}/lib
  readOnly: true
{{- end }}
{{- range $index, $name := keys .Values.extraConfigMaps | sortAlpha }}
- name: extra-{{ $index }}
  mountPath: {{ get $.Values.extraConfigMaps $name }}
  readOnly: true
{{- end }}
{{- with .Values.loadlab.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "loadlab.volumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: {{ .Values.loadlab.tmpSizeLimit }}
{{- with .Values.loadtest.locust_locustfile_configmap }}
- name: locustfile
  configMap:
    name: {{ . }}
{{- end }}
{{- with .Values.loadtest.locust_lib_configmap }}
- name: lib
  configMap:
    name: {{ . }}
{{- end }}
{{- range $index, $name := keys .Values.extraConfigMaps | sortAlpha }}
- name: extra-{{ $index }}
  configMap:
    name: {{ $name }}
{{- end }}
{{- with .Values.loadlab.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The user's affinity, and the target's pods as neighbours that are not wanted. Takes a dict of root and component. */}}
{{- define "loadlab.affinity" -}}
{{- $affinity := deepCopy (index .root.Values .component).affinity -}}
{{- with .root.Values.loadlab.separateFrom -}}
{{- $apart := get $affinity "podAntiAffinity" | default dict -}}
{{- $rule := dict "labelSelector" . "namespaceSelector" dict "topologyKey" "kubernetes.io/hostname" -}}
{{- $rules := get $apart "requiredDuringSchedulingIgnoredDuringExecution" | default list -}}
{{- $_ := set $apart "requiredDuringSchedulingIgnoredDuringExecution" (append $rules $rule) -}}
{{- $_ := set $affinity "podAntiAffinity" $apart -}}
{{- end -}}
{{- if $affinity -}}
{{- toYaml $affinity -}}
{{- end -}}
{{- end -}}

{{/* What keeps every pod restricted, wherever it stands. */}}
{{- define "loadlab.podBasics" -}}
serviceAccountName: {{ include "loadlab.serviceAccountName" . }}
automountServiceAccountToken: false
enableServiceLinks: false
restartPolicy: Never
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ if kindIs "map" . }}{{ .name }}{{ else }}{{ . }}{{ end }}
{{- end }}
{{- end }}
{{- with .Values.loadlab.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- end -}}

{{/* The pod template of a Job. Takes a dict of root, component, arguments (YAML) and container (YAML: ports, probe). */}}
{{- define "loadlab.podTemplate" -}}
{{- $values := .root.Values -}}
{{- $component := index $values .component -}}
metadata:
  labels:
    {{- include "loadlab.labels" . | nindent 4 }}
{{- with include "loadlab.annotations" (dict "root" .root "more" $values.loadlab.podAnnotations) }}
  annotations:
    {{- . | nindent 4 }}
{{- end }}
spec:
  {{- include "loadlab.podBasics" .root | nindent 2 }}
  terminationGracePeriodSeconds: {{ int64 $values.loadlab.terminationGracePeriodSeconds }}
{{- if or $values.loadtest.pip_packages $values.loadlab.extraInitContainers }}
  initContainers:
{{- range $values.loadlab.extraInitContainers }}
{{- $container := merge (deepCopy .) (dict "securityContext" (deepCopy $values.securityContext)) }}
{{- $tmp := dict "name" "tmp" "mountPath" "/tmp" }}
{{- $mounts := get $container "volumeMounts" | default list }}
{{- $paths := list }}
{{- range $mounts }}{{ $paths = append $paths .mountPath }}{{ end }}
{{- if not (has "/tmp" $paths) }}{{ $_ := set $container "volumeMounts" (append $mounts $tmp) }}{{ end }}
    -
      {{- toYaml $container | nindent 6 }}
{{- end }}
{{- with $values.loadtest.pip_packages }}
    - name: packages
      image: {{ include "loadlab.image" $.root | quote }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      command: [python, -m, pip, install]
      args:
        - --no-cache-dir
        - --disable-pip-version-check
        - --target
        - /tmp/packages
        {{- toYaml . | nindent 8 }}
      {{- include "loadlab.environment" $ | nindent 6 }}
      resources:
        {{- toYaml $component.resources | nindent 8 }}
      securityContext:
        {{- toYaml $values.securityContext | nindent 8 }}
      volumeMounts:
        - name: tmp
          mountPath: /tmp
{{- end }}
{{- end }}
  containers:
    - name: locust
      image: {{ include "loadlab.image" .root | quote }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      command:
        {{- toYaml $values.loadlab.command | nindent 8 }}
      args:
        {{- include "loadlab.arguments" .root | nindent 8 }}
        - --loglevel
        - {{ $component.logLevel }}
        {{- .arguments | nindent 8 }}
{{- range $component.args }}
        - {{ include "loadlab.text" . | quote }}
{{- end }}
{{- if $values.loadtest.locust_locustfile_configmap }}
      workingDir: {{ $values.loadtest.locust_locustfile_path }}
{{- end }}
      {{- include "loadlab.environment" . | nindent 6 }}
{{- with .container }}
      {{- . | nindent 6 }}
{{- end }}
      resources:
        {{- toYaml $component.resources | nindent 8 }}
      securityContext:
        {{- toYaml $values.securityContext | nindent 8 }}
      volumeMounts:
        {{- include "loadlab.volumeMounts" .root | nindent 8 }}
  volumes:
    {{- include "loadlab.volumes" .root | nindent 4 }}
{{- with $component.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
{{- end }}
{{- with $component.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
{{- end }}
{{- with include "loadlab.affinity" . }}
  affinity:
    {{- . | nindent 4 }}
{{- end }}
{{- if and (eq .component "worker") $values.loadlab.topologySpread }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "loadlab.selectorLabels" . | nindent 10 }}
{{- end }}
{{- end -}}
