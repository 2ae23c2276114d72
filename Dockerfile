# The ckpt program as a static binary and nothing else.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /ckpt ./cmd/ckpt

FROM scratch
# Which authorities to trust where NATS is reached by TLS.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /ckpt /ckpt
USER 65532:65532
ENTRYPOINT ["/ckpt"]
CMD ["--help"]
