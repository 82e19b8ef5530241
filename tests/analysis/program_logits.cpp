// What the program's network makes of the test set: program_logits CONFIGURATION STATE OUTPUT writes an HDF5 file with
// `image` (n, C, H, W) f32, normalised, `label` (n), `logit` (n, classes) f32, and `gradient` (W) f32, that of the mean
// loss of the first 32 images in training, all parameters one after the other. Python compares its own with them.
#include "autosampling/options/configuration.hpp"
#include "autosampling/population/initial_weights.hpp"
#include "autosampling/record/hdf5.hpp"
#include "autosampling/training/make_network.hpp"
#include "autosampling/training/network.hpp"
#include "autosampling/training/trainer.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>

#include <iostream>
#include <numeric>

using namespace autosampling;

namespace {

std::vector<std::uint64_t> shape_of(const at::Tensor& tensor) {
    return {tensor.sizes().begin(), tensor.sizes().end()};
}

std::span<const float> values_of(const at::Tensor& tensor) {
    return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

at::Tensor compute_logits(Network& network, const at::Tensor& images) {
    const c10::InferenceMode inference;
    network.eval();
    std::vector<at::Tensor> logits;
    for (const at::Tensor& part : images.split(Trainer::evaluation_batch)) logits.push_back(network.forward(part));
    return at::cat(logits).contiguous();
}

at::Tensor compute_gradient(Network& network, const at::Tensor& images, std::span<const std::int32_t> labels) {
    constexpr std::int64_t count = 32;
    network.train();
    const std::vector<std::int64_t> targets(labels.begin(), labels.begin() + count);
    at::cross_entropy_loss(network.forward(images.narrow(0, 0, count)), at::tensor(at::ArrayRef(targets))).backward();
    std::vector<at::Tensor> gradients;
    for (const auto& parameter : network.parameters()) gradients.push_back(parameter.grad().contiguous().flatten());
    return at::cat(gradients);
}

void write_logits(const std::filesystem::path& configuration, const std::string& state_file,
                  const std::filesystem::path& output) {
    Options options = read_configuration(configuration, {});
    options.model.init = state_file;
    const DatasetPlan plan = plan_dataset(options.data, static_cast<std::uint64_t>(options.data.seed));
    std::vector<std::byte> memory(plan.bytes());
    load_dataset(plan, memory);
    const Dataset dataset = view_dataset(plan, memory);
    const auto network = make_network(options.model.name, dataset.facts.shape, dataset.facts.outputs());
    FlatState state(*network, at::kCPU);
    load_initial_weights(state, options.model);

    const auto images = static_cast<std::int64_t>(plan.test_examples);
    const Shape& shape = dataset.facts.shape;
    const at::Tensor pixels = at::empty({images, shape.height(), shape.width(), shape.channels()}); // normalised
    std::vector<std::uint32_t> rows(plan.test_examples);
    std::iota(rows.begin(), rows.end(), 0U);
    dataset.test.source->fill(rows, {}, {pixels.data_ptr<float>(), static_cast<std::size_t>(pixels.numel())});
    const at::Tensor batch = pixels.permute({0, 3, 1, 2});
    const at::Tensor logits = compute_logits(*network, batch);
    const at::Tensor gradient = compute_gradient(*network, batch, dataset.test.labels);

    Hdf5File file = Hdf5File::create(output);
    const at::Tensor image = batch.contiguous();
    const std::uint64_t length = plan.test_examples;
    file.write<float>("image", values_of(image), shape_of(image), {"1", "normalised image", {}});
    file.write<std::int32_t>("label", dataset.test.labels, {&length, 1}, {"1", "label", {}});
    file.write<float>("logit", values_of(logits), shape_of(logits), {"1", "logits", {}});
    file.write<float>("gradient", values_of(gradient), shape_of(gradient), {"1", "gradient", {}});
    file.commit();
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::cerr << "usage: program_logits CONFIGURATION STATE OUTPUT\n";
        return static_cast<int>(ExitCode::usage);
    }
    try {
        write_logits(argv[1], argv[2], argv[3]);
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "program_logits: " << error.what() << '\n';
        return static_cast<int>(ExitCode::failure);
    }
}
