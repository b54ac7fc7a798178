# A static binary on an empty root, run by a user who is not root. Mount the folder of your
# manifest at /app:
#
#   docker build -t gateway .
#   docker run -p 4000:4000 -v "$PWD/examples/hello:/app:ro" gateway
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/gateway ./cmd/gateway

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/gateway /gateway
USER 65532:65532
WORKDIR /app
EXPOSE 4000
ENTRYPOINT ["/gateway"]
CMD ["serve", "/app/app.yaml"]
