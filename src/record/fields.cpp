#include "fields.hpp"

namespace autosampling {

const Columns<CycleRow>& cycle_columns() {
    using Row = CycleRow;
    static const Columns<Row> columns{
        {"cycle", &Row::cycle, {"1", "number of the cycle, from 0", {"cycle"}}},
        {"reward", &Row::reward, {"1", "reward that selection went by; NaN: not finite", {"cycle", "member"}}},
        {"reward_accuracy",
         &Row::reward_accuracy,
         {"1", "top-1 accuracy on the reward set; NaN in a regression", {"cycle", "member"}}},
        {"reward_loss",
         &Row::reward_loss,
         {"1", "mean loss on the reward set: cross-entropy, in nats, or squared error", {"cycle", "member"}}},
        {"train_loss", &Row::train_loss, {"1", "mean loss of the cycle's batches, in nats", {"cycle", "member"}}},
        {"learning_rate", &Row::learning_rate, {"1", "learning rate of the cycle's first batch", {"cycle", "member"}}},
        {"weight_decay", &Row::weight_decay, {"1", "weight decay", {"cycle", "member"}}},
        {"seconds_train", &Row::seconds_train, {"s", "time spent in training", {"cycle", "member"}}},
        {"seconds_reward", &Row::seconds_reward, {"s", "time spent in evaluating the reward", {"cycle", "member"}}},
        {"seconds_wait",
         &Row::seconds_wait,
         {"s", "time that the member's rank waited for the others", {"cycle", "member"}}},
        {"finite", &Row::finite, {"1", "whether loss and weights were finite", {"cycle", "member"}}},
        {"attempt", &Row::attempt, {"1", "times the cycle was repeated before it stood", {"cycle"}}},
        {"cycle_epoch", &Row::epoch, {"1", "epochs complete when the cycle began", {"cycle"}}},
        {"learned", &Row::learned, {"1", "whether the draws came from the learned distribution", {"cycle"}}},
        {"explored", &Row::explored, {"1", "whether the distribution was re-estimated after the cycle", {"cycle"}}},
        {"state_hash",
         &Row::state_hash,
         {"1", "XXH3 of the winner's state, or of the mean of all, after the cycle; 0: not taken", {"cycle"}}},
    };
    return columns;
}

const std::vector<Columns<CycleRow>>& optional_cycle_columns() {
    using Row = CycleRow;
    static const std::vector<Columns<Row>> tables{
        {
            {"parent",
             &Row::parent,
             {"1", "member whose state this one goes on from after the cycle", {"cycle", "member"}}},
            {"winner", &Row::winner, {"1", "best member of the cycle", {"cycle"}}},
            {"survivor",
             &Row::survivor,
             {"1", "members that are a parent, ascending; -1: unused slot", {"cycle", "slot"}}},
            {"survivor_schedule",
             &Row::survivor_schedule,
             {"1", "training indices that the survivor was fed, in order; -1: unused slot", {"cycle", "slot", "draw"}}},
        },
        {
            {"seconds_cycle", &Row::seconds_cycle, {"s", "time that the cycle took", {"cycle"}}},
            {"seconds_gather",
             &Row::seconds_gather,
             {"s", "time of rank 0 in gathering outcomes and draws, with waiting", {"cycle"}}},
            {"seconds_exchange",
             &Row::seconds_exchange,
             {"s", "time of rank 0 in passing states on, but for what it did meanwhile", {"cycle"}}},
            {"seconds_record",
             &Row::seconds_record,
             {"s", "time of rank 0 in recording, with what the checkpoint before the cycle held up", {"cycle"}}},
        },
        {
            {"cycle_round", &Row::round, {"1", "round of policy search that the cycle is in", {"cycle"}}},
        },
        {
            {"mean_reward", &Row::mean_reward, {"1", "reward of the mean of the members' states", {"cycle"}}},
            {"mean_reward_accuracy",
             &Row::mean_reward_accuracy,
             {"1", "top-1 accuracy of that mean on the reward set", {"cycle"}}},
            {"mean_reward_loss",
             &Row::mean_reward_loss,
             {"1", "mean cross-entropy of that mean on the reward set, in nats", {"cycle"}}},
        },
        {
            {"learning_rate_factor",
             &Row::learning_rate_factor,
             {"1", "the member's factor on the run's learning rate", {"cycle", "member"}}},
            {"weight_decay_factor",
             &Row::weight_decay_factor,
             {"1", "the member's factor on the run's weight decay", {"cycle", "member"}}},
        },
        {
            {"draw_weight",
             &Row::draw_weight,
             {"1", "weight of the draw in its batch's loss, sum(weight loss) / batch size", {"cycle", "slot", "draw"}}},
        },
        {
            {"draw_loss",
             &Row::draw_loss,
             {"1",
              "loss of the draw before its batch's step, in nats; NaN: unused "
              "slot",
              {"cycle", "slot", "draw"}}},
        },
    };
    return tables;
}

const Columns<EpochRow>& epoch_columns() {
    using Row = EpochRow;
    static const Columns<Row> columns{
        {"epoch", &Row::epoch, {"1", "number of the epoch, from 1", {"epoch"}}},
        {"epoch_cycle", &Row::epoch_cycle, {"1", "cycle after which the epoch was complete", {"epoch"}}},
        {"test_accuracy",
         &Row::test_accuracy,
         {"1", "top-1 accuracy of the winner on the test set; NaN in a regression", {"epoch"}}},
        {"test_accuracy_top5",
         &Row::test_accuracy_top5,
         {"1", "top-5 accuracy of the winner on the test set; NaN below 6 classes", {"epoch"}}},
        {"test_loss",
         &Row::test_loss,
         {"1", "mean loss of the winner on the test set: cross-entropy, in nats, or squared error", {"epoch"}}},
        {"test_correct",
         &Row::test_correct,
         {"1", "test images of the class that the winner classified rightly", {"epoch", "class"}}},
        {"distribution_entropy",
         &Row::distribution_entropy,
         {"1", "entropy of the learned distribution as last estimated, before mixing, in nats", {"epoch"}}},
    };
    return columns;
}

const Columns<RoundRow>& round_columns() {
    using Row = RoundRow;
    static const Columns<Row> columns{
        {"round", &Row::round, {"1", "number of the round, from 0; the last one stands after the run", {"round"}}},
        {"round_cycle", &Row::round_cycle, {"1", "first cycle of the round", {"round"}}},
        {"policy_weight", &Row::policy_weight, {"1", "weight of the policy in the round", {"round", "weight"}}},
        {"policy_perturbation",
         &Row::policy_perturbation,
         {"1",
          "the member's perturbation of the weight, in units of exploration.sigma",
          {"round", "member", "weight"}}},
        {"class_reward_loss",
         &Row::class_reward_loss,
         {"1",
          "mean cross-entropy of the class on the reward set when the round began, in nats; NaN: not known",
          {"round", "class"}}},
        {"loss_level",
         &Row::loss_level,
         {"1",
          "rank of the last seen training loss of the index when the round began, 1 to 255; 0: not seen",
          {"round", "index"}}},
    };
    return columns;
}

const Columns<LineRow>& line_columns() {
    static const Columns<LineRow> columns{
        {"line", &LineRow::line, {"1", "the final best member's ancestor in the cycle", {"cycle"}}},
        {"schedule",
         &LineRow::schedule,
         {"1", "winning schedule: training indices that the ancestor was fed, in order", {"cycle", "draw"}}},
    };
    return columns;
}

const Columns<HistoryRow>& history_columns() {
    using Row = HistoryRow;
    static const Columns<Row> columns{
        {"cycles_done", &Row::cycles_done, {"1", "cycles that had been counted", {"cycles_done"}}},
        {"count_history",
         &Row::count,
         {"1", "draws of the index by survivors, as the method counts them", {"cycles_done", "index"}}},
        {"probability_history",
         &Row::probability,
         {"1",
          "probability of the index as learned from them, before mixing and perturbation",
          {"cycles_done", "index"}}},
    };
    return columns;
}

const Columns<HistoryRow>& credit_history_columns() {
    using Row = HistoryRow;
    static const Columns<Row> columns{
        {"draw_count_history",
         &Row::draw_count,
         {"1", "draws of the index by all finite members", {"cycles_done", "index"}}},
        {"score_history", &Row::score, {"1", "score of the index", {"cycles_done", "index"}}},
    };
    return columns;
}

const AttributeFields<RunHeader>& header_attributes() {
    static const AttributeFields<RunHeader> attributes{
        {"seed", &RunHeader::seed},
        {"dataset_hash", &RunHeader::dataset_hash},
        {"members", &RunHeader::members},
        {"slots", &RunHeader::slots},
        {"draws", &RunHeader::draws},
        {"cycles_planned", &RunHeader::cycles_planned},
        {"training_images", &RunHeader::training_images},
        {"classes", &RunHeader::classes},
        {"skipped_images", &RunHeader::skipped_images},
    };
    return attributes;
}

const Fields<RunHeader>& header_fields() {
    static const Fields<RunHeader> fields{
        {"configuration", &RunHeader::configuration, {"1", "resolved configuration, TOML", {}}},
        {"class_name", &RunHeader::class_names, {"1", "name of the class", {"class"}}},
        {"weight_name", &RunHeader::weight_names, {"1", "name of the policy's weight", {"weight"}}},
        {"column_name",
         &RunHeader::column_names,
         {"1", "column of the user's own that the policy goes by", {"column"}}},
    };
    return fields;
}

const Fields<RunHeader>& example_fields() {
    using Header = RunHeader;
    static const Fields<Header> fields{
        {"label", &Header::label, {"1", "label that was trained on", {"index"}}},
        {"true_label", &Header::true_label, {"1", "label before label noise", {"index"}}},
        {"column_value",
         &Header::column_value,
         {"1", "value of the column; of a word its place among the column's weights", {"column", "index"}}},
        {"split/training", &Header::split_training, {"1", "row of the training file", {"index"}}},
        {"split/reward", &Header::split_reward, {"1", "row of the training file", {"reward_index"}}},
        {"split/reward_label", &Header::reward_label, {"1", "label that was rewarded", {"reward_index"}}},
        {"split/reward_true_label", &Header::reward_true_label, {"1", "label before label noise", {"reward_index"}}},
    };
    return fields;
}

const AttributeFields<Launch>& launch_attributes() {
    static const AttributeFields<Launch> attributes{
        {"link", &Launch::link},       {"ranks", &Launch::ranks},
        {"threads", &Launch::threads}, {"start_time", &Launch::start_time},
        {"job_id", &Launch::job_id},   {"transport", &Launch::transport},
        {"batches", &Launch::batches},
    };
    return attributes;
}

const Fields<Launch>& launch_fields() {
    static const Fields<Launch> fields{
        {"host", &Launch::host, {"1", "host that the rank ran on", {"rank"}}},
        {"device", &Launch::device, {"1", "device that the rank computed on", {"rank"}}},
        {"cpu", &Launch::cpu, {"1", "kind of the rank's processor", {"rank"}}},
        {"command",
         &Launch::command,
         {"1", "command line of rank 0, then that of the process that started it", {"process"}}},
        {"environment",
         &Launch::environment,
         {"1", "NAME=VALUE of variables of schedulers, modules, threads and devices, of rank 0", {"variable"}}},
    };
    return fields;
}

const Fields<Processors>& processor_fields() {
    using Kind = Processors;
    static const Fields<Kind> fields{
        {"processor_link", &Kind::link, {"1", "link of the chain of jobs", {"processor"}}},
        {"processor_rank", &Kind::first_rank, {"1", "its first rank that computed so", {"processor"}}},
        {"processor_ranks", &Kind::ranks, {"1", "how many ranks from there on did", {"processor"}}},
        {"processor_cpu", &Kind::cpu, {"1", "kind of their processors, with family and model", {"processor"}}},
        {"processor_capability",
         &Kind::capability,
         {"1", "instructions that LibTorch used, and limits set to those of libraries", {"processor"}}},
        {"processor_program", &Kind::program, {"1", "version and commit of the program", {"processor"}}},
    };
    return fields;
}

const Fields<FinalDistribution>& final_fields() {
    using Final = FinalDistribution;
    static const Fields<Final> fields{
        {"count", &Final::count, {"1", "draws of the index by survivors, as the method counts them", {"index"}}},
        {"probability",
         &Final::probability,
         {"1", "learned probability of the index, before mixing and perturbation", {"index"}}},
        {"draw_count", &Final::draw_count, {"1", "draws of the index by all finite members", {"index"}}},
        {"credit",
         &Final::credit,
         {"1", "sum of the standardised rewards of those draws, in units of 2^-16", {"index"}}},
        {"score", &Final::score, {"1", "credit, as a real number, over the root of draw_count", {"index"}}},
    };
    return fields;
}

const AttributeFields<CheckpointIndex>& checkpoint_attributes() {
    static const AttributeFields<CheckpointIndex> attributes{
        {"cycle", &CheckpointIndex::cycle},
        {"winner", &CheckpointIndex::winner},
    };
    return attributes;
}

const Fields<CheckpointIndex>& checkpoint_fields() {
    using Index = CheckpointIndex;
    static const Fields<Index> fields{
        {"state_of", &Index::state_of, {"1", "number of the file that holds the member's state", {"member"}}},
        {"state_file", &Index::state_files, {"1", "number of a state file", {"state"}}},
        {"state_hash", &Index::state_hash, {"1", "XXH3 of that state", {"state"}}},
    };
    return fields;
}

const Fields<LayoutColumns>& layout_fields() {
    using Layout = LayoutColumns;
    static const Fields<Layout> fields{
        {"tensor_name", &Layout::name, {"1", "name of the tensor", {"tensor"}}},
        {"tensor_offset", &Layout::offset, {"1", "first element in the state", {"tensor"}}},
        {"tensor_shape", &Layout::shape, {"1", "shape, zeros after the last dimension", {"tensor", "axis"}}},
        {"tensor_channels_last",
         &Layout::channels_last,
         {"1", "whether the elements lie in the order N, H, W, C", {"tensor"}}},
    };
    return fields;
}

Sizes numbers_of(const RunHeader& header) {
    return {{"member", header.members},
            {"slot", header.slots},
            {"draw", header.draws},
            {"class", header.classes},
            {"index", header.training_images}};
}

Sizes sizes_of(const RunHeader& header) {
    Sizes sizes = numbers_of(header);
    sizes.insert({{"weight", header.weight_names.size()}, {"column", header.column_names.size()}});
    return sizes;
}

} // namespace autosampling
