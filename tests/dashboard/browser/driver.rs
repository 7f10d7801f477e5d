//! A headless Chromium of its own, and whatever it started, until it is dropped.

use crate::support::send;
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
];

/// How long a busy machine may take.
const PATIENCE: Duration = Duration::from_mins(2);

pub struct Browser {
    pub client: Client,
    session: String,
    address: SocketAddr,
    driver: Child,
    _profile: TempDir,
}

impl Browser {
    /// A new one, with a window of this size.
    pub async fn new(width: u32, height: u32) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is installed: Debian's `chromium-driver`, beside `chromium`");
        let mut lines = BufReader::new(driver.stdout.take().expect("it is piped")).lines();
        let started = lines.find_map(|line| {
            let line = line.expect("text");
            let (_, port) = line.split_once("successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        });
        // It goes on to write, and must not wait for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        let address = SocketAddr::from(([127, 0, 0, 1], started.expect("it says where it listens")));
        let profile = tempfile::tempdir().expect("a folder");
        let profile_flag = format!("--user-data-dir={}", profile.path().display());
        let flags: Vec<_> = FLAGS.iter().copied().chain([profile_flag.as_str()]).collect();
        let capabilities: Capabilities = serde_json::from_value(json!({
            "goog:chromeOptions": {"args": flags},
            "goog:loggingPrefs": {"browser": "ALL"},
        }))
        .expect("an object");
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let client = builder.capabilities(capabilities).connect(&format!("http://{address}")).await.expect("it starts");
        let session = client.session_id().await.expect("it answers").expect("it has begun");
        let browser = Self { client, session, address, driver, _profile: profile };
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        browser.cdp("Emulation.setDeviceMetricsOverride", &size).await;
        browser
    }

    /// A command of Chromium's own protocol.
    pub async fn cdp(&self, command: &str, parameters: &Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        self.driver("POST", "/goog/cdp/execute", &body.to_string()).await
    }

    /// Everything on its console, which a violation of the content security policy is as well.
    pub async fn console(&self) -> Value {
        self.driver("POST", "/se/log", r#"{"type":"browser"}"#).await
    }

    async fn driver(&self, method: &str, path: &str, body: &str) -> Value {
        let path = format!("/session/{}{path}", self.session);
        let headers = [("host", "localhost"), ("content-type", "application/json")];
        let answer = send(self.address, method, &path, &headers, body).await;
        assert_eq!(answer.status, 200, "{path} {body}: {}", answer.body);
        answer.json()["value"].clone()
    }

    pub async fn open(&self, address: SocketAddr, path: &str) {
        self.client.goto(&format!("http://{address}{path}")).await.expect("it opens");
        self.until("return document.body.innerText.includes('Live')").await;
    }

    /// Waits for an element.
    pub async fn find(&self, path: &str) -> fantoccini::elements::Element {
        let found = self.client.wait().at_most(PATIENCE).for_element(Locator::XPath(path)).await;
        match found {
            Ok(found) => found,
            Err(error) => panic!("{error}: {path}\n{}", self.text().await),
        }
    }

    /// The row of this policy, with whatever else it has to have.
    pub async fn row(&self, name: &str, has: &str) -> fantoccini::elements::Element {
        self.find(&format!("//li[.//button[@class='name' and .='{name}']]{has}")).await
    }

    pub async fn click(&self, path: &str) {
        self.find(path).await.click().await.expect("it can be clicked");
    }

    pub async fn run(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.expect("it runs")
    }

    /// Waits until the script answers true.
    pub async fn until(&self, script: &str) {
        let is_so = async {
            while self.run(script).await != true {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, is_so).await.is_ok();
        assert!(in_time, "never: {script}\n{}", self.text().await);
    }

    pub async fn press(&self, key: char) {
        let element = self.client.active_element().await.expect("the page");
        element.send_keys(&key.to_string()).await.expect("it is pressed");
    }

    pub async fn text(&self) -> String {
        self.run("return document.body.innerText").await.as_str().unwrap_or_default().to_owned()
    }

    pub async fn shows(&self, theme: &str) {
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": theme}]});
        self.cdp("Emulation.setEmulatedMedia", &media).await;
    }
}

/// Also where a test has panicked: the browser ends with its session, and the driver after it.
impl Drop for Browser {
    fn drop(&mut self) {
        if let Ok(mut stream) = TcpStream::connect(self.address) {
            let head =
                format!("DELETE /session/{} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", self.session);
            _ = stream.set_read_timeout(Some(PATIENCE));
            _ = stream.write_all(head.as_bytes());
            _ = stream.read(&mut [0]);
        }
        _ = self.driver.kill();
        _ = self.driver.wait();
    }
}
