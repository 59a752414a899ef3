# headwater with CPU PyTorch, on the command line:
#   docker build --tag headwater .
#   docker run --rm --volume "$PWD:/data" headwater localize my-recording.vhdr --condition "S 1"
FROM python:3.12-slim
ENV UV_TORCH_BACKEND=cpu UV_NO_CACHE=1 HEADWATER_CACHE=/tmp/headwater MPLCONFIGDIR=/tmp/matplotlib
COPY . /src
RUN pip install --no-cache-dir uv \
 && uv pip install --system '/src[report,formats]' \
 && rm -rf /src
WORKDIR /data
ENTRYPOINT ["headwater"]
CMD ["--help"]
