# A static binary on an empty image: no shell, no package to patch, no root, and nothing that it writes.
FROM golang:1.26-bookworm AS build
WORKDIR /src
# The sources are only looked at; modules and compiled packages stay with the builder for the next time.
RUN --mount=type=bind,target=. \
    --mount=type=cache,target=/go/pkg/mod \
    --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /bot ./cmd/bot
# Fly's init looks a numeric user up before it takes it for a number, and gives up where there is nothing to look in.
RUN echo "bot:x:65532:65532::/:" >/passwd

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /passwd /etc/passwd
# Time zones are in the binary: cmd/bot/main.go imports time/tzdata.
COPY --from=build /bot /bot
USER 65532
EXPOSE 8080 9091
ENTRYPOINT ["/bot"]
CMD ["serve"]
