#include "autosampling/base/error.hpp"
#include "autosampling/options/configuration.hpp"
#include "autosampling/sampling/signals.hpp"

namespace autosampling {

namespace {

// Options that another one must ask for.
struct Dependent {
    const char* needed; // in words
    bool (*is_met)(const Options&);
    std::vector<const char*> names;
};

// Whether an option has this value.
template<auto Section, auto Key, auto Value>
bool is(const Options& options) {
    return options.*Section.*Key == Value;
}

constexpr auto mixes = is<&Options::exploration, &ExplorationOptions::kind, ExplorationKind::mixture>;
constexpr auto searches = is<&Options::exploration, &ExplorationOptions::kind, ExplorationKind::policy>;

bool explores(const Options& options) {
    return mixes(options) || searches(options);
}

template<Credit credit>
bool mixes_by(const Options& options) {
    return mixes(options) && options.exploration.credit == credit;
}

const std::vector<Dependent>& dependents() {
    static const std::vector<Dependent> all{
        {"exploration.kind = mixture",
         mixes,
         {"exploration.first_epoch", "exploration.uniform_epochs", "exploration.mixing", "exploration.perturbation",
          "exploration.replacement"}},
        {"exploration.kind = mixture with credit = winner",
         mixes_by<Credit::winner>,
         {"exploration.smoothing", "exploration.counts"}},
        {"exploration.kind = mixture with credit = advantage", mixes_by<Credit::advantage>, {"exploration.beta"}},
        {"exploration.kind = mixture or policy",
         explores,
         {"exploration.interval_epochs", "exploration.interval_cycles"}},
        {"credit = advantage, or exploration.kind = policy",
         [](const Options& o) { return searches(o) || o.exploration.credit == Credit::advantage; },
         {"exploration.credit_signal"}},
        {"another exploration.kind than policy",
         [](const Options& o) { return !searches(o); },
         {"exploration.uniform"}},
        {"exploration.kind = policy",
         searches,
         {"exploration.signals", "exploration.weights", "exploration.sigma", "exploration.thinning"}},
        {"exploration.kind = policy with sigma above 0",
         [](const Options& o) { return searches(o) && o.exploration.sigma > 0; },
         {"exploration.alpha", "exploration.tau", "exploration.lambda"}},
        {"exploration.kind = policy with a column among its signals",
         [](const Options& o) { return searches(o) && !columns_of(o.exploration.signals).empty(); },
         {"data.signals"}},
        {"population.selection = top-k",
         is<&Options::population, &PopulationOptions::selection, SelectionRule::top_k>,
         {"population.survivors"}},
        {"population.selection = truncation",
         is<&Options::population, &PopulationOptions::selection, SelectionRule::truncation>,
         {"population.fraction"}},
        {"hyperparameters.explore",
         [](const Options& o) { return o.hyperparameters.explore != Variation::none; },
         {"hyperparameters.interval_cycles", "hyperparameters.learning_rate_range",
          "hyperparameters.weight_decay_range"}},
        {"hyperparameters.explore = factor",
         is<&Options::hyperparameters, &HyperparameterOptions::explore, Variation::factor>,
         {"hyperparameters.factors"}},
        {"hyperparameters.explore = resample",
         is<&Options::hyperparameters, &HyperparameterOptions::explore, Variation::resample>,
         {"hyperparameters.resample_probability"}},
        {"training.schedule = step",
         is<&Options::training, &TrainingOptions::schedule, RateSchedule::step>,
         {"training.milestones", "training.gamma"}},
        {"sampling.rule = loss-rank",
         is<&Options::sampling, &SamplingOptions::rule, Rule::loss_rank>,
         {"sampling.pressure", "sampling.final_pressure"}},
        {"sampling.rule = small-loss",
         is<&Options::sampling, &SamplingOptions::rule, Rule::small_loss>,
         {"sampling.forget_rate", "sampling.forget_epochs"}},
        {"sampling.rule = infobatch",
         is<&Options::sampling, &SamplingOptions::rule, Rule::infobatch>,
         {"sampling.prune_rate", "sampling.anneal"}},
        {"data.name = packed",
         [](const Options& o) { return o.data.name == "packed"; },
         {"data.image_size", "data.decode_threads"}},
        {"data.name = synthetic",
         [](const Options& o) { return o.data.name == "synthetic"; },
         {"data.synthetic_images", "data.synthetic_size", "data.synthetic_channels", "data.synthetic_classes"}},
        {"another run.device than cpu",
         [](const Options& o) { return o.run.device != Device::cpu; },
         {"run.deterministic", "run.cuda_graphs"}},
        {"data.stage", [](const Options& o) { return !o.data.stage.empty(); }, {"data.keep_staged"}},
        {"model.name = null",
         [](const Options& o) { return o.model.name == "null"; },
         {"model.null_parameters", "model.null_seconds", "model.null_jitter"}},
    };
    return all;
}

} // namespace

std::vector<std::string> unused_options(const Options& options) {
    const Options defaults;
    std::vector<std::string> found;
    for (const Dependent& dependent : dependents()) {
        if (dependent.is_met(options)) continue;
        std::string names;
        for (const std::string name : dependent.names) {
            const Option* option = find_option(name.substr(0, name.find('.')), name.substr(name.find('.') + 1));
            if (format_value(*option, options) != format_value(*option, defaults))
                names += (names.empty() ? "" : ", ") + name;
        }
        if (!names.empty()) found.push_back(text(names, " (needs ", dependent.needed, ")"));
    }
    return found;
}

} // namespace autosampling
