#include "autosampling/options/option_table.hpp"

#include "autosampling/data/dataset.hpp"
#include "autosampling/training/make_network.hpp"

#include <algorithm>
#include <numeric>

namespace autosampling {

namespace {

template<auto Section, auto Key>
OptionValue at(Options& options) {
    auto& value = options.*Section.*Key;
    if constexpr (NamedEnum<std::remove_reference_t<decltype(value)>>)
        return choice(value);
    else
        return &value;
}

template<NamedEnum Enum>
Names names() {
    const auto all = names_of(Enum{});
    return {all.begin(), all.end()};
}

constexpr double unlimited = std::numeric_limits<double>::max();
constexpr double most = std::numeric_limits<std::int32_t>::max(); // of anything counted: indices are 32 bits wide

constexpr Range at_least(double low, double high = unlimited) {
    return {.low = low, .high = high};
}
constexpr Range above(double low, double high = unlimited) {
    return {.low = low, .high = high, .low_included = false};
}
constexpr Range count(double low) {
    return at_least(low, most);
}
constexpr Range fraction() {
    return at_least(0, 1);
}
constexpr Range proper_fraction() {
    return {.low = 0, .high = 1, .high_included = false};
}

std::vector<Option> run_options() {
    const auto any = AtResume::any;
    return {
        {"run", "seed", at<&Options::run, &RunOptions::seed>, at_least(0), "",
         "Every random number of the run is a function of it."},
        {"run", "output", at<&Options::run, &RunOptions::output>, Anything{}, "path",
         "Run directory, made by the run; the command line's --output goes before it.", any},
        {"run", "threads", at<&Options::run, &RunOptions::threads>, at_least(1, 1024), "threads",
         "Computing threads of each rank."},
        {"run", "device", at<&Options::run, &RunOptions::device>, names<Device>(), "",
         "Where members are trained; auto: on a GPU where the program was built for it and there is one."},
        {"run", "precision", at<&Options::run, &RunOptions::precision>, names<Precision>(), "",
         "Number format of forward and backward passes; weights and optimizer state stay fp32. fp16, on GPUs alone, "
         "scales the loss, and leaves out steps whose gradients overflow."},
        {"run", "deterministic", at<&Options::run, &RunOptions::deterministic>, Anything{}, "",
         "On a GPU: only operations that give the same bits again, as replay --exact needs them; slower. A CPU always "
         "does."},
        {"run", "cuda_graphs", at<&Options::run, &RunOptions::cuda_graphs>, Anything{}, "",
         "On a GPU: training steps and evaluations are recorded once, as CUDA graphs, and started as a whole; false: "
         "each of their operations is started by itself, which is slower.",
         any},
        {"run", "walltime", at<&Options::run, &RunOptions::walltime>, at_least(0), "s",
         "After so long the run stops at the end of the cycle, with a checkpoint and exit code 85; 0: never. In time "
         "for "
         "the end of its Slurm job (SLURM_JOB_END_TIME) it does so in any case.",
         any},
        {"run", "collective_timeout", at<&Options::run, &RunOptions::collective_timeout>, above(0), "s",
         "How long a rank waits for the others before the job ends with exit code 75.", any},
        {"run", "log_level", at<&Options::run, &RunOptions::log_level>, names<LogLevel>(), "",
         "The least important log lines that are written; debug: a line a member and cycle, with its times.", any},
    };
}

std::vector<Option> data_options() {
    return {
        {"data", "name", at<&Options::data, &DataOptions::name>, dataset_names(), "", "The data set."},
        {"data", "path", at<&Options::data, &DataOptions::path>, Anything{}, "path",
         "Folder that holds the data set's files, or its one file, from the current directory; needed by all but "
         "synthetic.",
         AtResume::any},
        {"data", "signals", at<&Options::data, &DataOptions::signals>, Anything{}, "path",
         "HDF5 file with columns of one's own for a policy: signals/NAME, a value for each example of the training "
         "file; exploration.signals names those that are used.",
         AtResume::any},
        {"data", "stage", at<&Options::data, &DataOptions::stage>, Anything{}, "path",
         "Folder on a disk of each node's own: the files are copied to it once a node, checked, and read there; empty: "
         "they are read where they are.",
         AtResume::any},
        {"data", "keep_staged", at<&Options::data, &DataOptions::keep_staged>, Anything{}, "",
         "Leaves the copies there for later jobs; otherwise they are removed as soon as all ranks have opened them.",
         AtResume::any},
        {"data", "mean", at<&Options::data, &DataOptions::mean>, Range{}, "of pixels in 0 to 1",
         "Subtracted from the pixels: one number, or one a channel; empty: the data set's own. Of arrays of real "
         "numbers, from each number: one for all, or one each; empty: 0."},
        {"data", "std", at<&Options::data, &DataOptions::std>, above(0), "of pixels in 0 to 1",
         "Divides the pixels, or numbers, after that; empty: the data set's own, of arrays 1."},
        {"data", "standardise", at<&Options::data, &DataOptions::standardise>, Anything{}, "",
         "arrays: mean and std, unless given, are computed from all examples that aren't tested: of each channel of "
         "images, of each number of the others."},
        {"data", "seed", at<&Options::data, &DataOptions::seed>, at_least(-1), "",
         "Of the split, the label noise and the synthetic images; -1: run.seed."},
        {"data", "reward_images", at<&Options::data, &DataOptions::reward_images>, count(0), "images",
         "Size of the reward set, held out of training; 0: a tenth of the training file, or as reward_rows has."},
        {"data", "reward_rows", at<&Options::data, &DataOptions::reward_rows>, Anything{}, "path",
         "Text file with the rows of the training file that are the reward set, from 0; empty: drawn, stratified by "
         "class."},
        {"data", "reward_path", at<&Options::data, &DataOptions::reward_path>, Anything{}, "path",
         "arrays, packed: a second file, whose x and y, or training images, are the reward set; empty: the training "
         "file has it.",
         AtResume::any},
        {"data", "test_images", at<&Options::data, &DataOptions::test_images>, count(0), "images",
         "Held out of the training file for tests where the data have no test part; 0: a tenth."},
        {"data", "reward_images_per_cycle", at<&Options::data, &DataOptions::reward_images_per_cycle>, count(0),
         "images",
         "How many of them a cycle's reward is measured on, redrawn every cycle and the same for all members; 0: all."},
        {"data", "train_on_reward", at<&Options::data, &DataOptions::train_on_reward>, Anything{}, "",
         "Trains on the reward examples, too. Rewards then say nothing of unseen images: only for comparisons."},
        {"data", "augmentation", at<&Options::data, &DataOptions::augmentation>, names<Augmentation>(), "",
         "crop-flip: random crop after padding by 4 pixels, and a horizontal flip with probability 1/2; resized-crop, "
         "of packed images: a random part of 8 to 100 % of the area, resized, and the flip."},
        {"data", "label_noise", at<&Options::data, &DataOptions::label_noise>, fraction(), "fraction",
         "Of the training labels, redrawn uniformly over all classes."},
        {"data", "reward_label_noise", at<&Options::data, &DataOptions::reward_label_noise>, fraction(), "fraction",
         "Of the reward set's labels, likewise."},
        {"data", "imbalance", at<&Options::data, &DataOptions::imbalance>, at_least(1), "ratio",
         "Most frequent to rarest class of the training part, exponential between them; 1: as it is."},
        {"data", "image_size", at<&Options::data, &DataOptions::image_size>, at_least(8, 4096), "pixels",
         "packed: height and width that pictures are cut to."},
        {"data", "decode_threads", at<&Options::data, &DataOptions::decode_threads>, at_least(1, 256), "threads",
         "packed: threads of each rank that decode a batch.", AtResume::any},
        {"data", "synthetic_images", at<&Options::data, &DataOptions::synthetic_images>, count(10), "images",
         "synthetic: size of the training file; the test file has a fifth of it."},
        {"data", "synthetic_size", at<&Options::data, &DataOptions::synthetic_size>, at_least(1, 1024), "pixels",
         "synthetic: height and width."},
        {"data", "synthetic_channels", at<&Options::data, &DataOptions::synthetic_channels>, at_least(1, 16), "",
         "synthetic: channels of an image."},
        {"data", "synthetic_classes", at<&Options::data, &DataOptions::synthetic_classes>, at_least(2, 1e5), "",
         "synthetic: number of classes."},
    };
}

std::string network_meaning() {
    std::string meaning = "The network: ";
    for (const std::string& name : network_names()) meaning += name + ", ";
    return meaning + "or torchscript:FILE, one of your own.";
}

std::vector<Option> training_options() {
    return {
        {"model", "name", at<&Options::model, &ModelOptions::name>, Anything{}, "", network_meaning()},
        {"model", "init", at<&Options::model, &ModelOptions::init>, Anything{}, "path",
         "State file that all members' weights start from, from autosampling-analyse import or a checkpoint; empty: "
         "random weights, a function of run.seed."},
        {"model", "save_memory", at<&Options::model, &ModelOptions::save_memory>, Anything{}, "",
         "For a densenet: its concatenations are not kept for the backward pass but made again there. The same results "
         "in less memory and more time.",
         AtResume::any},
        {"model", "null_parameters", at<&Options::model, &ModelOptions::null_parameters>, count(1), "parameters",
         "null: how many it has; a member's state is twice as long."},
        {"model", "null_seconds", at<&Options::model, &ModelOptions::null_seconds>, at_least(0, 1e6), "s",
         "null: how long each training batch takes, besides what it computes.", AtResume::any},
        {"model", "null_jitter", at<&Options::model, &ModelOptions::null_jitter>, at_least(0, 10), "fraction",
         "null: standard deviation of that time, as a part of it; normal, cut off at 0, the same on any number of "
         "ranks.",
         AtResume::any},
        {"model", "hash", at<&Options::model, &ModelOptions::hash>, Anything{}, "",
         "Set by the program for torchscript:FILE: tells a resume whether the file is still the same."},
        {"training", "epochs", at<&Options::training, &TrainingOptions::epochs>, above(0, 1e6), "epochs",
         "Length of the run, of each member; an epoch, as many draws as there are training images, ends with a test. A "
         "resume may change it unless training.schedule is cosine or one-cycle, sampling.rule loss-rank or infobatch, "
         "or exploration.kind policy.",
         AtResume::conditional},
        {"training", "batch_size", at<&Options::training, &TrainingOptions::batch_size>, count(1), "images",
         "Batch of one member."},
        {"training", "learning_rate", at<&Options::training, &TrainingOptions::learning_rate>, above(0), "",
         "The highest of the run, reached after the warm-up."},
        {"training", "momentum", at<&Options::training, &TrainingOptions::momentum>, proper_fraction(), "",
         "Of stochastic gradient descent; 0: none."},
        {"training", "nesterov", at<&Options::training, &TrainingOptions::nesterov>, Anything{}, "",
         "Nesterov's momentum."},
        {"training", "weight_decay", at<&Options::training, &TrainingOptions::weight_decay>, at_least(0), "",
         "Added to the gradient, times the weight."},
        {"training", "label_smoothing", at<&Options::training, &TrainingOptions::label_smoothing>, proper_fraction(),
         "", "Share of the target that is spread evenly over all classes."},
        {"training", "schedule", at<&Options::training, &TrainingOptions::schedule>, names<RateSchedule>(), "",
         "The learning rate over the whole run."},
        {"training", "milestones", at<&Options::training, &TrainingOptions::milestones>, above(0), "epochs",
         "step: when the learning rate is multiplied by gamma, ascending."},
        {"training", "gamma", at<&Options::training, &TrainingOptions::gamma>, above(0, 1), "",
         "step: factor at each milestone."},
        {"training", "warmup_epochs", at<&Options::training, &TrainingOptions::warmup_epochs>, at_least(0), "epochs",
         "Linear rise of the learning rate from 0; not with one-cycle, which has its own."},
    };
}

std::vector<Option> population_options() {
    return {
        {"population", "members", at<&Options::population, &PopulationOptions::members>, at_least(0, 1e6), "members",
         "Models in the population; 0: one a rank, at a resume as many as there were."},
        {"population", "cycle_batches", at<&Options::population, &PopulationOptions::cycle_batches>, count(1),
         "batches", "Length of a cycle, at the end of which the members are compared and exchanged."},
        {"population", "selection", at<&Options::population, &PopulationOptions::selection>, names<SelectionRule>(), "",
         "Who goes on from whose state: auto: mean with exploration.kind = policy, else best; best: all from the best; "
         "top-k: the first `survivors` stay, the others take "
         "them in turn; truncation: the last `fraction` take the first ones'; tournament: in random pairs the loser "
         "takes the winner's; mean: all from the mean of all finite members, so that there is no winner; none: "
         "everyone "
         "from its own. A member that isn't finite takes another's in any case."},
        {"population", "survivors", at<&Options::population, &PopulationOptions::survivors>, count(1), "members",
         "top-k: how many survive."},
        {"population", "fraction", at<&Options::population, &PopulationOptions::fraction>, above(0, 0.5), "fraction",
         "truncation: how large a part of the members is replaced, and copied from; at least one member."},
        {"population", "reward", at<&Options::population, &PopulationOptions::reward>, names<Reward>(), "",
         "What makes a member the best: accuracy on the reward set, or minus the mean loss there."},
        {"population", "reward_precision", at<&Options::population, &PopulationOptions::reward_precision>,
         names<RewardPrecision>(), "",
         "Number format of the evaluations that rewards come from; auto: that of training, run.precision. Tests are "
         "in run.precision."},
        {"population", "max_retries", at<&Options::population, &PopulationOptions::max_retries>, at_least(0, 255), "",
         "How often a cycle in which no member stayed finite is repeated before the run fails.", AtResume::any},
        {"population", "ranks_per_member", at<&Options::population, &PopulationOptions::ranks_per_member>, count(1),
         "ranks",
         "How many ranks train one member, each on a part of its batches; the job has that many times the "
         "members."},
        {"population", "members_at_once", at<&Options::population, &PopulationOptions::members_at_once>, count(1),
         "members",
         "How many of its members a rank trains at once, each by a network and on a stream of its own on the GPU, step "
         "by step in turn; on a CPU nothing is gained. Results don't depend on it.",
         AtResume::any},
        {"population", "synchronise_statistics", at<&Options::population, &PopulationOptions::synchronise_statistics>,
         Anything{}, "",
         "Whether batch norm goes by a member's whole batch, or by each rank's part of it; then the running statistics "
         "of "
         "the member's first rank are the member's."},
        {"population", "transport", at<&Options::population, &PopulationOptions::transport>, names<TransportKind>(), "",
         "What carries the members' states between ranks. mpi: MPI, for members on CPUs; mpi-staged: MPI, by way of "
         "host memory; nccl: NCCL, where each rank has a GPU of its own; auto: the first of nccl, mpi-staged and mpi "
         "that can be had. Results don't depend on it.",
         AtResume::any},
    };
}

std::vector<Option> hyperparameter_options() {
    using Hyper = HyperparameterOptions;
    return {
        {"hyperparameters", "explore", at<&Options::hyperparameters, &Hyper::explore>, names<Variation>(), "",
         "How a member that took another's state varies the learning rate and weight decay that came with it: not; by "
         "one of `factors`; or now and then drawn anew, log-uniformly over the range, and so at the start."},
        {"hyperparameters", "interval_cycles", at<&Options::hyperparameters, &Hyper::interval_cycles>, count(0),
         "cycles",
         "Between variations; 0: wherever the sampling distribution is re-estimated, or a policy's round ends."},
        {"hyperparameters", "factors", at<&Options::hyperparameters, &Hyper::factors>, above(0), "",
         "factor: what a value is multiplied by, one of them at random."},
        {"hyperparameters", "resample_probability", at<&Options::hyperparameters, &Hyper::resample_probability>,
         fraction(), "probability", "resample: of drawing a value anew."},
        {"hyperparameters", "learning_rate_range", at<&Options::hyperparameters, &Hyper::learning_rate_range>, above(0),
         "", "Lowest and highest factor on training.learning_rate at any time in the run."},
        {"hyperparameters", "weight_decay_range", at<&Options::hyperparameters, &Hyper::weight_decay_range>, above(0),
         "", "The same on training.weight_decay."},
    };
}

std::vector<Option> exploration_options() {
    return {
        {"exploration", "kind", at<&Options::exploration, &ExplorationOptions::kind>, names<ExplorationKind>(), "",
         "none: one member, uniform draws; random: a population, uniform draws; mixture: the learned distribution; "
         "policy: a population searches the few weights of a policy over signals of the images."},
        {"exploration", "credit", at<&Options::exploration, &ExplorationOptions::credit>, names<Credit>(), "",
         "What is learned from: the winners' draws (the paper), or all members' draws, weighted by their rewards."},
        {"exploration", "credit_signal", at<&Options::exploration, &ExplorationOptions::credit_signal>,
         names<CreditSignal>(), "", "advantage: which result on the reward set members are compared by."},
        {"exploration", "first_epoch", at<&Options::exploration, &ExplorationOptions::first_epoch>, count(-1), "epochs",
         "Before the first exploration; -1: 20 with winner credit, 0 with advantage."},
        {"exploration", "interval_epochs", at<&Options::exploration, &ExplorationOptions::interval_epochs>, count(0),
         "epochs",
         "Between explorations; both intervals 0: uniform_epochs + 1 with winner credit, 1 cycle with advantage. "
         "policy: "
         "length of a round, at least 50 batches; 0: 1."},
        {"exploration", "interval_cycles", at<&Options::exploration, &ExplorationOptions::interval_cycles>, count(0),
         "cycles", "Between explorations, instead of interval_epochs."},
        {"exploration", "uniform_epochs", at<&Options::exploration, &ExplorationOptions::uniform_epochs>, count(-1), "",
         "Uniform schedules to one learned schedule; -1: 3 with winner credit, 0 with advantage."},
        {"exploration", "mixing", at<&Options::exploration, &ExplorationOptions::mixing>, names<Mixing>(), "",
         "Mixed with uniform by whole epochs or draw by draw; auto: epochs with winner credit, draws with advantage."},
        {"exploration", "smoothing", at<&Options::exploration, &ExplorationOptions::smoothing>, at_least(1e-6, 1e6), "",
         "winner: scale s in probability ~ log(1 + s (count + 1) / (mean count + 1)); smaller is more skewed."},
        {"exploration", "beta", at<&Options::exploration, &ExplorationOptions::beta>, above(0), "",
         "advantage: probability ~ exp(beta * score), the exponent limited to 3 either way."},
        {"exploration", "perturbation", at<&Options::exploration, &ExplorationOptions::perturbation>, fraction(), "",
         "Standard deviation of the logarithm of each member's own factor on each probability."},
        {"exploration", "counts", at<&Options::exploration, &ExplorationOptions::counts>, names<Counts>(), "",
         "winner: counts since the start, of the last window_cycles, or halved every half_life_cycles."},
        {"exploration", "window_cycles", at<&Options::exploration, &ExplorationOptions::window_cycles>, count(0),
         "cycles", "Needed by counts = window."},
        {"exploration", "half_life_cycles", at<&Options::exploration, &ExplorationOptions::half_life_cycles>, count(0),
         "cycles", "Needed by counts = decay."},
        {"exploration", "replacement", at<&Options::exploration, &ExplorationOptions::replacement>, Anything{}, "",
         "Whether a learned cycle may draw an image twice; if not, a cycle is at most a quarter of an epoch."},
        {"exploration", "uniform", at<&Options::exploration, &ExplorationOptions::uniform>, names<UniformDraws>(), "",
         "Uniform draws don't repeat within a member's epoch (the paper), or within the winning schedule's; or they "
         "are "
         "made with replacement."},
        {"exploration", "signals", at<&Options::exploration, &ExplorationOptions::signals>, Anything{}, "",
         "policy: what it goes by: loss (rank of the last loss), class (its size, and its loss on the reward set), "
         "score (with advantage credit), count, column:NAME (a column of data.signals)."},
        {"exploration", "weights", at<&Options::exploration, &ExplorationOptions::weights>, Anything{}, "",
         "policy: weights at the start that aren't 0, such as [\"class.size=-1\"], which draws all classes alike; "
         "`check` lists the weights."},
        {"exploration", "sigma", at<&Options::exploration, &ExplorationOptions::sigma>, at_least(0, 4), "",
         "policy: standard deviation of the members' perturbations of its weights; 0: the weights stay as they are."},
        {"exploration", "alpha", at<&Options::exploration, &ExplorationOptions::alpha>, above(0, 10), "",
         "policy: step of a weight whose effect is as large as the noise."},
        {"exploration", "tau", at<&Options::exploration, &ExplorationOptions::tau>, at_least(0, 10), "",
         "policy: how far the effect of a weight must stand out of the noise, in its standard deviations, to move it."},
        {"exploration", "lambda", at<&Options::exploration, &ExplorationOptions::lambda>, proper_fraction(), "",
         "policy: share of each weight that is lost in a round."},
        {"exploration", "thinning", at<&Options::exploration, &ExplorationOptions::thinning>, Anything{}, "",
         "policy: whether draws are permutations of all images of which each image is kept by its probability, so that "
         "none comes twice in one; else they are made with replacement."},
    };
}

std::vector<Option> sampling_options() {
    return {
        {"sampling", "rule", at<&Options::sampling, &SamplingOptions::rule>, names<Rule>(), "",
         "uniform: as [exploration] says. The others are for one member and exploration.kind = none: class-balanced: "
         "all classes alike (Kang et al., 2020); loss-rank: the greatest losses most often (Loshchilov & Hutter, "
         "2015); small-loss: only the smallest losses of a batch count (Co-teaching's rule; Han et al., 2018); "
         "infobatch: small losses are left out at random, the rest of them weighted up (Qin et al., 2024)."},
        {"sampling", "pressure", at<&Options::sampling, &SamplingOptions::pressure>, at_least(1), "ratio",
         "loss-rank: how much more often the greatest loss is drawn than the smallest, in the second epoch; the first "
         "is uniform."},
        {"sampling", "final_pressure", at<&Options::sampling, &SamplingOptions::final_pressure>, at_least(1), "ratio",
         "loss-rank: the same in the last epoch; exponential between them."},
        {"sampling", "forget_rate", at<&Options::sampling, &SamplingOptions::forget_rate>, proper_fraction(),
         "fraction", "small-loss: of a batch, left out in the end: the share of wrong labels that is expected."},
        {"sampling", "forget_epochs", at<&Options::sampling, &SamplingOptions::forget_epochs>, above(0), "epochs",
         "small-loss: until so much is left out, linearly from nothing."},
        {"sampling", "prune_rate", at<&Options::sampling, &SamplingOptions::prune_rate>, proper_fraction(),
         "probability", "infobatch: of leaving out an example whose loss is below the mean."},
        {"sampling", "anneal", at<&Options::sampling, &SamplingOptions::anneal>, fraction(), "fraction",
         "infobatch: of the run, at its end; passes over the data that begin there leave nothing out."},
    };
}

std::vector<Option> record_options() {
    const auto any = AtResume::any;
    return {
        {"record", "checkpoint_cycles", at<&Options::record, &RecordOptions::checkpoint_cycles>, count(0), "cycles",
         "Between checkpoints; 0: by time alone. One that is due while another is still being written comes after it, "
         "so "
         "that short cycles don't wait for the disk.",
         any},
        {"record", "checkpoint_minutes", at<&Options::record, &RecordOptions::checkpoint_minutes>, at_least(0), "min",
         "Between checkpoints, if sooner; 0: by cycles alone.", any},
        {"record", "keep_checkpoints", at<&Options::record, &RecordOptions::keep_checkpoints>, count(1), "checkpoints",
         "How many of the newest are kept.", any},
        {"record", "losses", at<&Options::record, &RecordOptions::losses>, Anything{}, "",
         "Whether the loss of each draw is recorded beside the survivors' schedules, in 4 bytes a draw; with a "
         "sampling.rule it always is."},
    };
}

std::vector<Option> replay_options() {
    return {
        {"replay", "mode", at<&Options::replay, &ReplayOptions::mode>, names<ReplayMode>(), "",
         "Set by autosampling replay. exact: the very run of the final best member; dynamic: its schedule in order; "
         "static: draws from the learned distribution; policy: its learned policy, on signals of the replay's own."},
        {"replay", "source", at<&Options::replay, &ReplayOptions::source>, Anything{}, "path",
         "The run directory that is replayed.", AtResume::any},
        {"replay", "identity", at<&Options::replay, &ReplayOptions::identity>, Anything{}, "",
         "Set by autosampling replay: tells a resume whether the source is still the same run."},
        {"replay", "cycle", at<&Options::replay, &ReplayOptions::cycle>, at_least(-1, most), "cycles",
         "static: the distribution as it was learned from so many cycles; -1: from all."},
    };
}

} // namespace

const std::vector<Option>& option_table() {
    static const std::vector<Option> table = [] {
        std::vector<Option> all;
        for (const auto& part :
             {run_options(), data_options(), training_options(), population_options(), hyperparameter_options(),
              exploration_options(), sampling_options(), record_options(), replay_options()})
            all.insert(all.end(), part.begin(), part.end());
        return all;
    }();
    return table;
}

const Option* find_option(std::string_view section, std::string_view key) {
    for (const Option& option : option_table())
        if (option.section == section && option.key == key) return &option;
    return nullptr;
}

bool is_section(std::string_view section) {
    return std::ranges::any_of(option_table(), [&](const Option& option) { return option.section == section; });
}

const Option& nearest_option(std::string_view section, std::string_view key) {
    return *std::ranges::min_element(option_table(), {}, [&](const Option& option) {
        return std::pair(edit_distance(option.key, key), option.section != section);
    });
}

std::size_t edit_distance(std::string_view from, std::string_view to) {
    std::vector<std::size_t> row(to.size() + 1); // of the prefix of `from` so far, to each prefix of `to`
    std::iota(row.begin(), row.end(), 0);
    for (const char letter : from) {
        std::size_t diagonal = row[0]++;
        for (std::size_t j = 0; j < to.size(); ++j) {
            const std::size_t replaced = diagonal + (letter != to[j]);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
        }
    }
    return row.back();
}

} // namespace autosampling
