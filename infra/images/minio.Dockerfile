# The last open MinIO, from source, as its vendor distributes no binaries of it any more. The version
# is that of infra/minio/minio.sh; a test compares them.
FROM golang:1.27 AS build
RUN CGO_ENABLED=0 GOTOOLCHAIN=local go install -trimpath -ldflags "-s -w" \
    github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c

FROM gcr.io/distroless/static-debian12
COPY --from=build /go/bin/minio /minio
ENV MINIO_BROWSER=off MINIO_UPDATE=off
ENTRYPOINT ["/minio"]
