//! Help texts and the grammar: what is shown is what there is.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{CommandFactory as _, Parser as _};
use squaresync::cli::args::{Cli, Command};
use squaresync::config::setting;

use super::Start;

const COMMANDS: [&str; 12] = [
    "serve",
    "sync",
    "backfill",
    "push",
    "status",
    "dead",
    "conflicts",
    "verify",
    "replay",
    "simulate",
    "demo",
    "migrate",
];

/// Commands below commands.
const INNER: [&str; 7] = [
    "dead list",
    "dead show",
    "dead retry",
    "dead drop",
    "conflicts list",
    "conflicts show",
    "conflicts resolve",
];

#[track_caller]
fn refused(arguments: &str) -> String {
    let arguments = ["squaresync"].into_iter().chain(arguments.split(' '));
    match Cli::try_parse_from(arguments) {
        Ok(_) => panic!("it was taken"),
        Err(error) => error.to_string(),
    }
}

fn simulate(arguments: &str) -> squaresync::cli::args::simulate::SimulateArgs {
    match Start::new(&format!("simulate {arguments}")).cli().command {
        Command::Simulate(simulate) => simulate,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_grammar_has_no_fault_of_its_own() {
    Cli::command().debug_assert();
}

#[test]
fn every_help_text_says_what_the_command_does_and_how_it_exits() {
    let listed: Vec<String> = Cli::command()
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    assert_eq!(listed, COMMANDS);

    for command in COMMANDS.into_iter().chain(INNER) {
        let help = refused(&format!("{command} --help"));

        assert!(help.contains("Exit codes: 0"), "{help}");
        assert!(help.contains(&format!("squaresync {command}")), "{help}");
        assert!(help.contains("Examples:"), "{help}");
        let about = help.split("Usage:").next().unwrap();
        let least = if INNER.contains(&command) { 100 } else { 200 };
        assert!(
            least < about.len(),
            "{command} is hardly explained: {about}"
        );
        let short = refused(&format!("{command} -h"));
        assert!(short.len() < help.len(), "{short}");
    }
}

#[test]
fn help_names_every_setting_and_no_secret_as_a_flag() {
    for arguments in COMMANDS.map(|command| format!("{command} --help")) {
        // Lines are broken anywhere.
        let help = refused(&arguments);
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");

        for setting in setting::ALL {
            match setting.flag {
                Some(flag) => {
                    assert!(help.contains(&format!("{flag} <")), "{flag} in {arguments}");
                    let shown = help.contains(&format!("[env: {}]", setting.variable));
                    // The address of the simulator is no setting.
                    let stands_in = setting == setting::LISTEN && arguments.starts_with("simulate");
                    assert!(shown || stands_in, "{setting} in {arguments}");
                }
                None => {
                    let flag = format!("--{}", setting.key.replace('_', "-"));
                    assert!(!help.contains(&flag), "{flag} in {arguments}");
                }
            }
        }
        for alias in ["--access-token", "--signature-key", "--admin-token"] {
            assert!(!help.contains(alias), "{alias} in {arguments}");
        }
    }
    let program = refused("--help");
    for setting in setting::ALL {
        assert!(program.contains(setting.variable), "{setting}");
    }
}

#[test]
fn commands_that_report_take_json_and_the_others_do_not() {
    for command in [
        "sync",
        "backfill",
        "push",
        "status",
        "verify",
        "replay a",
        "migrate",
        "dead list",
        "dead show 1",
        "dead retry 1",
        "dead retry --all",
        "dead drop 1",
        "dead drop --all",
        "conflicts list",
        "conflicts list --all",
        "conflicts show 1",
        "conflicts resolve 1 --take -x",
    ] {
        Start::new(&format!("{command} --json")).cli();
    }
    for command in ["serve", "simulate", "demo"] {
        assert!(refused(&format!("{command} --json")).contains("--json"));
    }
    // Nothing is given up or tried again unless somebody says what.
    for vague in ["dead retry", "dead drop", "dead drop 1 --all"] {
        assert!(refused(vague).contains("NUMBER"), "{vague}");
    }
    assert!(refused("conflicts resolve 1").contains("--take"));
    assert!(refused("dead show x").contains("NUMBER"));
    assert!(refused("verify --approve").contains("--repair"));
    assert!(refused("replay").contains("PATH"));
    assert!(refused("replay a --to http://shop.example/").contains("is not safe"));
}

#[test]
fn a_simulated_square_is_faultless_unless_asked() {
    let plain = simulate("");

    assert_eq!(plain.listen(), Ok(SocketAddr::from(([127, 0, 0, 1], 8181))));
    assert_eq!(
        (plain.customers, plain.token.as_str()),
        (0, "sandbox-token")
    );
    assert_eq!((plain.webhook_url, plain.seed), (None, None));
    let faults = plain.faults;
    assert_eq!(
        (faults.latency, faults.index_lag, faults.webhooks_delayed),
        (None, None, None)
    );
    let probabilities = [
        faults.rate_limited,
        faults.internal_errors,
        faults.answers_lost,
        faults.resets,
        faults.webhooks_dropped,
        faults.webhooks_doubled,
    ];
    assert_eq!(probabilities, [0.0; 6]);
    assert!(!faults.webhooks_reordered);
}

#[test]
fn faults_of_a_simulated_square_are_flags() {
    let args = simulate(
        "--listen 127.0.0.1:0 --customers 7 --latency 50ms --index-lag 2s --rate-limited 0.25 \
         --resets 1 --webhooks-delayed 10s --webhooks-reordered --seed 3",
    );

    assert_eq!(args.listen(), Ok(SocketAddr::from(([127, 0, 0, 1], 0))));
    assert_eq!((args.customers, args.seed), (7, Some(3)));
    assert_eq!(args.faults.latency, Some(Duration::from_millis(50)));
    assert_eq!(args.faults.index_lag, Some(Duration::from_secs(2)));
    assert_eq!((args.faults.rate_limited, args.faults.resets), (0.25, 1.0));
    assert_eq!(args.faults.webhooks_delayed, Some(Duration::from_secs(10)));
    assert!(args.faults.webhooks_reordered);

    for wrong in [
        "--resets 1.1",
        "--resets=-0.1",
        "--resets NaN",
        "--resets often",
    ] {
        assert!(refused(&format!("simulate {wrong}")).contains("probability"));
    }
    assert!(refused("simulate --latency 50").contains("no unit"));
    assert!(simulate("--listen canary").listen().is_err());
}
