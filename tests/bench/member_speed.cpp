// Images a second of one member, trained and evaluated as in a run: crops, batches and steps of 128 (evaluation: 64).
//
//   member_speed NETWORK [PRECISION] [REPEATS]             one line of JSON: median, least and most of REPEATS repeats
//   member_speed NETWORK PRECISION answer SECONDS [cuda [MEMBERS [eager]]]
//                                                          one of what it computes; then a rate, measured for so long,
//                                                          for each line `train` or `evaluate` of its input
//
// Made-up images of CIFAR's shape, one thread; `cuda`: on a GPU, where they lie; so many members are trained at once;
// `eager`: without CUDA graphs. Compare only figures of one machine that alternate in time: tests/bench/bench.py does.
#include "autosampling/base/error.hpp"
#include "autosampling/base/narrow.hpp"
#include "autosampling/base/stopwatch.hpp"
#include "autosampling/training/lanes.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <numeric>

namespace {

using namespace autosampling;

constexpr std::int64_t batch_size = 128;
constexpr double wanted_seconds = 1.5; // of one repeat

// Spreads numbers over all 32 bits; peers/network.py has the same.
std::uint32_t mixed(std::uint32_t number) {
    number *= 2654435761U;
    number ^= number >> 15;
    number *= 2246822519U;
    return number ^ number >> 13;
}

// 10,000 images of made-up bytes, all of them training and reward examples.
struct MadeUpImages {
    std::vector<std::uint8_t> bytes;
    std::vector<std::int32_t> labels;
    Dataset dataset;
    Split split;

    explicit MadeUpImages(Augmentation augmentation) : bytes(10000 * Shape{32, 32, 3}.values()), labels(10000) {
        for (std::uint32_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(mixed(i) >> 24);
        for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(i % 10);
        dataset.facts.shape = {32, 32, 3};
        dataset.facts.classes = 10;
        dataset.facts.mean = dataset.facts.std = {0.5, 0.5, 0.5};
        dataset.training =
            dataset.test = {labels.size(), bytes, labels, {}, make_image_source(bytes, dataset.facts, augmentation)};
        std::vector<std::uint32_t> rows(labels.size());
        std::iota(rows.begin(), rows.end(), 0U);
        split.training = split.reward = split.test = {rows, labels, labels};
    }
};

TrainerOptions options_for(const std::string& network, Precision precision, Device device) {
    TrainerOptions options;
    options.model.name = network;
    options.training.batch_size = batch_size;
    options.precision = precision;
    options.device = choose_device(device, 0);
    if (options.device.is_cuda()) options.batches = Batches::resident;
    options.total_batches = 1000;
    options.training.schedule = RateSchedule::constant;
    return options;
}

// Images of one evaluation; peers/member.py has as many.
std::size_t reward_images(const TrainerOptions& options) {
    return options.model.name == "resnet18" ? 512 : 1024;
}

// Members at work side by side; one evaluates.
class Members {
  public:
    Members(const TrainerOptions& options, std::size_t count)
        : images_(Augmentation::crop_flip), lanes_(options, images_.dataset, images_.split, count),
          large_(options.model.name == "resnet18"), gpu_(options.device.is_cuda()),
          reward_images_(reward_images(options)), order_(images_.labels.size()) {
        std::iota(order_.begin(), order_.end(), 0U);
    }

    // Both return how many images they took.
    std::size_t train() {
        const auto draws = std::span(order_).first(to_size(batch_size) * (gpu_ ? 70 : large_ ? 1 : 10));
        lanes_.fork();
        lanes_.for_each(lanes_.size(), [&](std::size_t, Trainer& trainer) {
            trainer.start_training({draws, 0, {.purpose = Purpose::augmentation}});
        });
        lanes_.take_steps(lanes_.size());
        lanes_.for_each(lanes_.size(), [](std::size_t, Trainer& trainer) { trainer.finish_training(); });
        lanes_.join();
        return lanes_.size() * draws.size();
    }
    std::size_t evaluate() {
        lanes_.first().evaluate(HeldOut::reward, std::span(order_).first(reward_images_));
        return reward_images_;
    }

    // Images/s of either, measured for about so long.
    double rate(bool training, double seconds) {
        std::size_t images = 0;
        const auto once = [&] { images = training ? train() : evaluate(); };
        const int times = std::max(1, static_cast<int>(seconds / seconds_of(once)));
        const double taken = seconds_of([&] {
            for (int i = 0; i < times; ++i) once();
        });
        return times * static_cast<double>(images) / taken;
    }

  private:
    MadeUpImages images_;
    Lanes lanes_;
    bool large_, gpu_;
    std::size_t reward_images_;
    std::vector<std::uint32_t> order_;
};

// Every parameter from the same made-up numbers: those of a layer's weights as far from 0 as suits its inputs, those of
// batch norm round 1, biases round 0.
std::int64_t make_up_parameters(FlatState& state) {
    const at::NoGradGuard no_grad;
    std::uint32_t place = 0;
    for (const StateTensor& tensor : state.layout()) {
        if (tensor.name.starts_with("momentum.")) break; // the parameters come first
        at::Tensor view = view_of(tensor, state.buffer());
        const double inputs = static_cast<double>(view.numel() / view.size(0));
        const double scale = view.dim() > 1 ? std::sqrt(6 / inputs) : 0.1;
        const double centre = view.dim() == 1 && tensor.name.ends_with("weight") ? 1 : 0;
        at::Tensor values = at::empty(tensor.shape);
        for (float& value : std::span(values.data_ptr<float>(), to_size(values.numel())))
            value = static_cast<float>(centre + scale * (mixed(place++) * 0x1p-31 - 1));
        view.copy_(values);
    }
    return place;
}

// What a network of made-up parameters comes to: its loss in two steps of training, and then of all reward images.
void print_trace(const TrainerOptions& options) {
    const MadeUpImages images(Augmentation::none);
    Trainer trainer(options, images.dataset, images.split);
    const std::int64_t parameters = make_up_parameters(trainer.state());
    std::vector<std::uint32_t> order(reward_images(options));
    std::iota(order.begin(), order.end(), 0U);
    const auto losses = trainer.train({std::span(order).first(2 * batch_size)}).draw_loss;
    const auto mean = [](auto begin, auto end) {
        return std::accumulate(begin, end, 0.0) / static_cast<double>(end - begin);
    };
    const Score score = trainer.evaluate(HeldOut::reward, order);
    std::printf("{\"parameters\": %ld, \"losses\": [%.6f, %.6f, %.6f]}\n", static_cast<long>(parameters),
                mean(losses.begin(), losses.begin() + batch_size), mean(losses.begin() + batch_size, losses.end()),
                score.loss_sum / static_cast<double>(score.images));
    std::fflush(stdout);
}

void answer(const TrainerOptions& options, double seconds, std::size_t count) {
    print_trace(options);
    Members members(options, count);
    for (std::string line; std::getline(std::cin, line);) {
        std::printf("%.2f\n", members.rate(line == "train", seconds));
        std::fflush(stdout);
    }
}

void report(const TrainerOptions& options, std::size_t repeats) {
    Members members(options, 1);
    std::printf("{\"network\": \"%s\", \"precision\": \"%s\"", options.model.name.c_str(),
                std::string(name_of(options.precision)).c_str());
    for (const bool training : {true, false}) {
        std::vector<double> rates;
        while (rates.size() < repeats) rates.push_back(members.rate(training, wanted_seconds));
        std::ranges::sort(rates);
        std::printf(", \"%s_img_s\": [%.1f, %.1f, %.1f]", training ? "train" : "eval", rates[repeats / 2],
                    rates.front(), rates.back());
        std::fflush(stdout);
    }
    std::printf("}\n");
}

} // namespace

int main(int argc, char** argv) {
    const auto precision = value_of<Precision>(argc > 2 ? argv[2] : "fp32");
    if (argc < 2 || !precision) {
        std::fprintf(stderr, "usage: %s NETWORK [fp32|bf16|fp16] [REPEATS | answer SECONDS [cuda [MEMBERS [eager]]]]\n",
                     argv[0]);
        return static_cast<int>(ExitCode::usage);
    }
    keep_heap();
    set_threads(1);
    const bool gpu = argc > 5 && std::string(argv[5]) == "cuda";
    TrainerOptions options = options_for(argv[1], *precision, gpu ? Device::cuda : Device::cpu);
    options.cuda_graphs = argc <= 7 || std::string(argv[7]) != "eager";
    prepare_device(options.device, false);
    if (argc > 4)
        answer(options, std::stod(argv[4]), argc > 6 ? std::stoul(argv[6]) : 1);
    else
        report(options, argc > 3 ? std::stoul(argv[3]) : 7);
}
