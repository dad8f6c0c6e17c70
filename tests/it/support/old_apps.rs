//! Web servers as the distribution brings them, each with its own directory and port, stopped and removed by `Drop`.

use std::fs;
use std::net::TcpStream;
use std::process::Command;

use super::port::free_port;
use super::process::{Process, wait_until};

/// An old app, known to itself as `erp.internal`.
pub(crate) struct OldApp {
    pub(crate) port: u16,
    _process: Process,
    _folder: tempfile::TempDir,
}

impl OldApp {
    /// Apache: a directory `/dir/`, a file `/a.txt`, WebDAV everywhere, `UseCanonicalName On`, and orders to send
    /// other files in its answers.
    pub(crate) fn apache() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (port, path) = (free_port(), folder.path().display().to_string());
        fs::create_dir_all(folder.path().join("www/dir")).unwrap();
        fs::write(folder.path().join("www/dir/index.html"), "a page").unwrap();
        fs::write(folder.path().join("www/a.txt"), "a file").unwrap();
        let modules = ["mpm_event", "authz_core", "dir", "dav", "dav_fs", "headers"]
            .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"));
        let text = format!(
            "ServerRoot {path}\nPidFile {path}/pid\nListen 127.0.0.1:{port}\n{}User www-data\nGroup www-data\n\
             ServerName erp.internal\nUseCanonicalName On\nDocumentRoot {path}/www\nDavLockDB {path}/lock\n\
             ErrorLog /dev/stderr\n<Directory {path}/www>\nDav On\nRequire all granted\n</Directory>\n\
             Header set X-Sendfile /etc/passwd\nHeader set X-Accel-Redirect /secret\n",
            modules.concat()
        );
        let config = folder.path().join("apache.conf");
        fs::write(&config, text).unwrap();
        // As root it serves as that user; as anybody else it serves as who started it.
        let _ = Command::new("chown").args(["-R", "www-data", &path]).output();
        let mut command = Command::new("/usr/sbin/apache2");
        Self::start(command.arg("-f").arg(config).arg("-DFOREGROUND"), port, folder)
    }

    /// Tomcat: `/away.jsp` begins a session and leads to `/next?a=/b`, `/sub` to `/sub/`.
    pub(crate) fn tomcat() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let write = |name: &str, text: &str| {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        write(
            "conf/server.xml",
            &format!(
                "<Server port='-1'><Service name='Catalina'><Connector port='{port}' address='127.0.0.1'/>\
                 <Engine name='Catalina' defaultHost='localhost'><Host name='localhost' appBase='webapps'/></Engine>\
                 </Service></Server>"
            ),
        );
        write("conf/context.xml", "<Context useRelativeRedirects='false' sessionCookieDomain='erp.internal'/>");
        let servlet = |name: &str, class: &str, pattern: &str| {
            format!(
                "<servlet><servlet-name>{name}</servlet-name><servlet-class>org.apache.{class}</servlet-class></servlet>\
                 <servlet-mapping><servlet-name>{name}</servlet-name><url-pattern>{pattern}</url-pattern></servlet-mapping>"
            )
        };
        let default = servlet("default", "catalina.servlets.DefaultServlet", "/");
        let jsp = servlet("jsp", "jasper.servlet.JspServlet", "*.jsp");
        let namespace = "https://jakarta.ee/xml/ns/jakartaee";
        write("conf/web.xml", &format!("<web-app xmlns='{namespace}' version='6.0'>{default}{jsp}</web-app>"));
        write("webapps/ROOT/away.jsp", "<% response.sendRedirect(\"/next?a=/b\"); %>");
        write("webapps/ROOT/sub/a.txt", "a file");
        write("logs/none", "");
        write("temp/none", "");
        let mut command = Command::new("/usr/share/tomcat10/bin/catalina.sh");
        let java = fs::canonicalize("/usr/bin/java").expect("a Java runtime");
        let home = java.parent().and_then(|bin| bin.parent()).unwrap();
        command.arg("run").env("CATALINA_HOME", "/usr/share/tomcat10").env("JRE_HOME", home);
        command.env("CATALINA_BASE", folder.path()).current_dir(folder.path());
        Self::start(&mut command, port, folder)
    }

    fn start(command: &mut Command, port: u16, folder: tempfile::TempDir) -> Self {
        let mut process = Process::start(command);
        let up = wait_until(|| {
            assert!(!process.has_ended(), "{command:?} ended: {}", process.stderr());
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        assert!(up.is_some(), "{command:?} does not serve: {}", process.stderr());
        Self { port, _process: process, _folder: folder }
    }
}
