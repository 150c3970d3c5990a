module openova.io/tools/crds

// Nothing is built from these: their modules carry the CRDs of what the platform's components install.
go 1.26.0

require (
	github.com/cert-manager/cert-manager v1.21.1
	github.com/cilium/cilium v1.20.0
	github.com/cloudnative-pg/cloudnative-pg v1.30.0
	github.com/cloudnative-pg/plugin-barman-cloud v0.13.0
	sigs.k8s.io/gateway-api v1.6.1
)
