# The image: the static program and nothing else. Another image takes it from here:
#
#   COPY --from=ghcr.io/OWNER/retry:0.1.0 /retry /usr/local/bin/retry
#
# Its context is what .ci/release-files makes below packaging/container: a directory for each platform.
FROM scratch
ARG TARGETPLATFORM
COPY ${TARGETPLATFORM}/retry /retry
COPY ${TARGETPLATFORM}/LICENSE-MIT ${TARGETPLATFORM}/LICENSE-APACHE ${TARGETPLATFORM}/THIRD-PARTY-LICENSES /licenses/
ENTRYPOINT ["/retry"]
