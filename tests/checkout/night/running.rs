//! A process of this program that is read line by line, told by signals, and asked over HTTP.

use crate::Failed;
use crate::partner::mood::{Change, Mood, Of};
use crate::process::LISTENING;
use crate::shop::orders::Placed;
use reqwest::{Method, RequestBuilder, StatusCode};
use resil::IdempotencyKey;
use serde_json::json;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

/// Long enough on any machine: what takes longer never comes.
pub const NEVER: Duration = Duration::from_secs(60);

/// This signal to the process of this number.
pub async fn tell(process: u32, signal: &str) -> Result<(), Failed> {
    let told = Command::new("kill").args([format!("-{signal}"), process.to_string()]).status().await?;
    if told.success() { Ok(()) } else { Err(format!("kill -{signal}: {told}").into()) }
}

/// Ended when it is dropped.
pub struct Running {
    child: Child,
    lines: UnboundedReceiver<String>,
    url: String,
    client: reqwest::Client,
}

/// What the shop has said to SIGHUP.
#[derive(Debug)]
pub struct Reloaded {
    pub is_refused: bool,
    /// A change or a mistake each.
    pub lines: Vec<String>,
}

impl Running {
    /// Waits until it serves.
    pub async fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Self, Failed> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(arguments).env_remove("RESIL_PROFILE").envs(environment.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let mut output = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        let (read, lines) = unbounded_channel();
        tokio::spawn(async move {
            while let Ok(Some(line)) = output.next_line().await {
                _ = read.send(line);
            }
        });
        let client = reqwest::Client::builder().no_proxy().build()?;
        let mut started = Self { child, lines, url: String::new(), client };
        let line = started.until(LISTENING).await?;
        let (_, address) = line.split_once(LISTENING).ok_or("no address")?;
        started.url = format!("http://{address}");
        Ok(started)
    }

    pub async fn partner(folder: &Path) -> Result<Self, Failed> {
        let book = folder.join("partner.db").display().to_string();
        Self::start(&["--partner", "--listen", "127.0.0.1:0", "--book", &book], &[]).await
    }

    /// With its settings and its book in this folder.
    pub async fn shop(folder: &Path, partner: &Self, environment: &[(&str, &str)]) -> Result<Self, Failed> {
        let [book, settings] = ["shop.db", "resil.toml"].map(|file| folder.join(file).display().to_string());
        let arguments = ["--serve", "--listen", "127.0.0.1:0", "--partner-at", &partner.url, "--database", &book];
        let more = ["--compare", "0", "--settings", &settings, "--leave", "600"];
        Self::start(&[&arguments[..], &more].concat(), environment).await
    }

    /// The next line with this in it; those before it are gone.
    pub async fn until(&mut self, what: &str) -> Result<String, Failed> {
        let found = async {
            while let Some(line) = self.lines.recv().await {
                if line.contains(what) {
                    return Some(line);
                }
            }
            None
        };
        let found = timeout(NEVER, found).await.map_err(|_| format!("it never said `{what}`"))?;
        found.ok_or_else(|| format!("it ended, and had not said `{what}`").into())
    }

    /// All that it has said and nobody has read.
    pub fn unread(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.lines.try_recv().ok()).collect()
    }

    pub fn id(&self) -> Result<u32, Failed> {
        Ok(self.child.id().ok_or("it has ended")?)
    }

    pub async fn signal(&self, signal: &str) -> Result<(), Failed> {
        tell(self.id()?, signal).await
    }

    /// SIGHUP, and what comes of it.
    pub async fn reload(&mut self) -> Result<Reloaded, Failed> {
        self.signal("HUP").await?;
        let first = self.until("settings: ").await?;
        let is_refused = first.contains("refused");
        let before = if is_refused { " mistakes" } else { " changed" };
        let count = first.split(before).next().and_then(|head| head.rsplit(' ').next()).ok_or("no count")?;
        let mut lines = Vec::new();
        for _ in 0..count.parse::<usize>()? {
            lines.push(self.until("  ").await?);
        }
        Ok(Reloaded { is_refused, lines })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub async fn get(&self, path: &str) -> Result<(StatusCode, String), Failed> {
        let answer = self.request(Method::GET, path).send().await?;
        Ok((answer.status(), answer.text().await?))
    }

    /// The text of `/metrics`.
    pub async fn metrics(&self) -> Result<String, Failed> {
        match self.get("/metrics").await? {
            (StatusCode::OK, text) => Ok(text),
            other => Err(format!("/metrics: {other:?}").into()),
        }
    }

    /// The value of the one series with this beginning and this among its labels.
    pub async fn number(&self, name: &str, label: &str) -> Result<u64, Failed> {
        let text = self.metrics().await?;
        let line = text.lines().find(|line| line.starts_with(name) && line.contains(label));
        let line = line.ok_or_else(|| format!("no {name} {label} in:\n{text}"))?;
        Ok(line.rsplit(' ').next().unwrap_or_default().parse()?)
    }

    pub async fn order(&self) -> Result<i64, Failed> {
        let request = self.request(Method::POST, "/orders").header("Customer", "alice");
        let request = request.header("Idempotency-Key", IdempotencyKey::random().as_str());
        let answer = request.json(&json!({ "item": "tea", "won": 1000 })).send().await?;
        let Placed { order } = answer.error_for_status()?.json().await?;
        Ok(order)
    }

    /// Of a partner: what it does with the next payments.
    pub async fn is(&self, mood: Mood) -> Result<(), Failed> {
        let change = Change { of: Of::Payments, mood, times: None, then: Mood::Ok };
        self.request(Method::POST, "/mood").json(&change).send().await?.error_for_status()?;
        Ok(())
    }

    /// Waits for its end, and for its last words.
    pub async fn ended(mut self) -> Result<(ExitStatus, Vec<String>), Failed> {
        let status = timeout(NEVER, self.child.wait()).await.map_err(|_| "it never ended")??;
        let mut last = Vec::new();
        while let Some(line) = self.lines.recv().await {
            last.push(line);
        }
        Ok((status, last))
    }
}
