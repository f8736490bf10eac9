package shared

// MethodLabel is the method, or _OTHER if OpenTelemetry does not list it for http.request.method: a client can send
// any word, and each would be a series of its own.
func MethodLabel(method string) string {
	switch method {
	case "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE":
		return method
	}
	return "_OTHER"
}
