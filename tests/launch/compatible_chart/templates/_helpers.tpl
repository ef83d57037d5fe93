{{- define "locust.labels" -}}
app.kubernetes.io/name: locust
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.extraLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "locust.pod" -}}
{{- $root := .root -}}
containers:
  - name: locust
    image: "{{ $root.Values.image.repository }}:{{ $root.Values.image.tag }}"
    command: [locust]
    args:
      {{- if .part.args_include_default }}
      - --{{ .component }}
      {{- end }}
      {{- range .part.args }}
      - {{ . | quote }}
      {{- end }}
    env:
      - name: LOCUST_LOCUSTFILE
        value: "{{ $root.Values.loadtest.locust_locustfile_path }}/{{ $root.Values.loadtest.locust_locustfile }}"
      - name: LOCUST_HOST
        value: {{ $root.Values.loadtest.locust_host | quote }}
      {{- if eq .component "worker" }}
      - name: LOCUST_MASTER_NODE_HOST
        value: {{ $root.Release.Name }}-locust
      {{- end }}
      {{- range $name, $value := merge (deepCopy .part.environment) $root.Values.loadtest.environment }}
      - name: {{ $name }}
        value: {{ $value | quote }}
      {{- end }}
      {{- range $name, $value := $root.Values.loadtest.environment_secret }}
      - name: {{ $name }}
        valueFrom:
          secretKeyRef:
            name: {{ $root.Release.Name }}-locust-secrets
            key: {{ $name }}
      {{- end }}
    ports:
      - name: loadtest
        containerPort: {{ $root.Values.service.port }}
    volumeMounts:
      - name: locustfile
        mountPath: {{ $root.Values.loadtest.locust_locustfile_path }}
      {{- range $name, $path := $root.Values.extraConfigMaps }}
      - name: {{ $name }}
        mountPath: {{ $path }}
      {{- end }}
volumes:
  - name: locustfile
    configMap:
      name: {{ $root.Values.loadtest.locust_locustfile_configmap }}
  {{- range $name, $path := $root.Values.extraConfigMaps }}
  - name: {{ $name }}
    configMap:
      name: {{ $name }}
  {{- end }}
{{- end }}
