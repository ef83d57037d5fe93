"""Values that the chart is tried with, one for each thing that can be asked of it."""

from __future__ import annotations

from typing import Any

TARGET = {"matchLabels": {"app": "catalog"}}

EVERYTHING: dict[str, Any] = {
    "loadtest": {
        "name": "evening peak",
        "locust_locustfile": "main.py,/mnt/loadlab/loadlab/agent/loadlab_agent.py",
        "locust_locustfile_configmap": "r1-locustfile",
        "locust_lib_configmap": "r1-lib",
        "locust_host": "http://catalog.prod.svc.cluster.local:3005",
        "pip_packages": ["faker==30.0", "pyjwt"],
        "environment": {"PYTHONPATH": "/mnt/loadlab", "LOADLAB_AGENT_LEASE_S": "30", "BIG": 20261124, "HALF": 0.5},
        "environment_secret": {"LOADLAB_TOKEN": 'a "quoted" one: {{ x }}'},
        "environment_external_secret": {"shop-login": ["SHOP_USER", "SHOP_PASSWORD"], "api": "API_KEY"},
        "environment_load_from_secrets": ["all-of-this"],
        "tags": "browse checkout",
        "excludeTags": "slow",
    },
    "image": {"repository": "registry.example:5000/locust", "tag": 3, "pullPolicy": "Always", "pullSecrets": ["pull"]},
    "master": {
        "args": ["--expect-workers", 4, "--enable-rebalancing", "--stop-timeout", "10"],
        "environment": {"ONLY_MASTER": "yes"},
        "logLevel": "DEBUG",
        "readinessProbe": {"periodSeconds": 7},
        "nodeSelector": {"pool": "load"},
        "tolerations": [{"key": "load", "operator": "Exists", "effect": "NoSchedule"}],
    },
    "worker": {
        "replicas": 4,
        "args": ["--stop-timeout", "10"],
        "environment": {"ONLY_WORKER": True},
        "resources": {"requests": {"cpu": 2}, "limits": {"cpu": "2"}},
        "nodeSelector": {"pool": "load"},
        "tolerations": [{"operator": "Exists"}],
        "affinity": {
            "podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    {"labelSelector": {"matchLabels": {"app": "database"}}, "topologyKey": "kubernetes.io/hostname"}
                ]
            }
        },
    },
    "service": {"port": 18089, "annotations": {"note": "no"}},
    "extraConfigMaps": {"r1-agent": "/mnt/loadlab/loadlab/agent", "r1-files-1": "/mnt/locust/data"},
    "extraLabels": {
        "loadlab.dev/run": "r20261124-220000-ab12",
        "loadlab.dev/owner": "ana",
        "loadlab.dev/expires": "20261124T233000Z",
    },
    "loadlab": {
        "fullname": "peak",
        "deadlineSeconds": 900,
        "ttlSecondsAfterFinished": 0,
        "annotations": {"loadlab.dev/owner": "Ana <ana@shop.example>"},
        "podAnnotations": {"sidecar.istio.io/inject": "false"},
        "masterPort": 15557,
        "separateFrom": TARGET,
        "priorityClassName": "low",
        "networkPolicy": {
            "target": [{"to": [{"podSelector": TARGET}], "ports": [{"port": 3005, "protocol": "TCP"}]}],
            "webFrom": [{"namespaceSelector": {"matchLabels": {"team": "load"}}}],
        },
        "extraEnv": [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
        "extraVolumes": [{"name": "scratch", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
        "extraInitContainers": [
            {
                "name": "clone",
                "image": "registry.example/git:2",
                "command": ["git", "clone", "https://git.example/load", "/scratch/load"],
                "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
                "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
            }
        ],
        "serviceAccount": {"name": "loader", "annotations": {"a": "b"}},
    },
}

CASES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "everything": EVERYTHING,
    "pip packages": {"loadtest": {"pip_packages": ["faker"]}},
    "token in an external Secret": {"loadtest": {"environment_external_secret": {"mine": ["LOADLAB_TOKEN"]}}},
    "no network policy": {"loadlab": {"networkPolicy": {"enabled": False}}},
    "limited network": {"loadlab": {"networkPolicy": {"target": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]}}},
    "apart from the target": {"loadlab": {"separateFrom": TARGET}},
    "headless": {"loadtest": {"headless": True}},
    "no account": {"loadlab": {"serviceAccount": {"create": False}}},
    "someone's account": {"loadlab": {"serviceAccount": {"create": False, "name": "robot"}}},
    "user given by the cluster": {"podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None}},
    "a user of one's own": {"podSecurityContext": {"runAsUser": 4711}},
    "no spread": {"loadlab": {"topologySpread": False}},
    "many labels": {"extraLabels": {f"example.com/label-{n}": f"value-{n}" for n in range(40)}},
    "many workers": {"worker": {"replicas": 10_000}},
    "an autoscaler that is off": {"worker": {"hpa": {"enabled": False, "minReplicas": 1}}},
    "an image with the agent in it": {"loadlab": {"command": ["/opt/loadlab/bin/locust"]}},
    "as a part of another chart": {"global": {"imageRegistry": "registry.example"}},
}
"""Name -> values."""
