# CPU:  docker build -t ssl-playground .
# CUDA: docker build -t ssl-playground --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130 .
FROM python:3.11-slim

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PYTHONUNBUFFERED=1 SSL_PLAYGROUND_RUNS=/data/runs SSL_PLAYGROUND_CACHE=/data/cache

WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --index-url "$TORCH_INDEX" $(grep ^torch requirements.txt) \
    && pip install --no-cache-dir -r requirements.txt
COPY . .
RUN useradd --create-home learner && mkdir -p /data && chown learner /data
USER learner
VOLUME /data
EXPOSE 8501
HEALTHCHECK CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/_stcore/health')"
CMD ["python", "-m", "streamlit", "run", "app.py", "--server.address=0.0.0.0", "--server.port=8501"]
